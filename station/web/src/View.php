<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Field, Snapshot, Type};

/**
 * The pages as HTML. Those parts of them that change by themselves are rendered alike for a page and for the events
 * that bring newer ones: pages/parts has them, and where a page has one stands an element of its id.
 */
final class View
{
    /** The pages that have live parts. */
    public const LIVE = ['now', 'control', 'daemon'];
    private const PAGES = ['now' => '/', 'settings' => '/settings', 'control' => '/control', 'log' => '/log',
        'daemon' => '/daemon'];
    private const PARTS = [
        'now' => ['hero', 'flow', 'curve'],
        'control' => ['controller', 'commands'],
        'daemon' => ['daemon'],
    ];
    private const EVENTS = 50;

    public readonly Status $status;

    public function __construct(
        private readonly Boards $boards,
        private readonly Texts $texts,
        private readonly Session $session,
    ) {
        $this->status = new Status($boards);
        $texts->in($this->status->config['timezone']);
    }

    /** @param array<string, mixed> $facts what the template needs beside the status */
    public function page(string $page, array $facts): void
    {
        $facts += ['message' => isset($_GET['saved']) ? $this->texts->say('saved') : '', 'form' => null];
        $parts = in_array($page, self::LIVE, true) ? $this->parts($page) : ['state' => $this->part('state')];
        $body = $this->rendered("pages/$page.php", [...$facts, 'parts' => $parts]);
        echo $this->rendered('pages/layout.php', ['page' => $page, 'body' => $body, 'parts' => $parts, ...$facts]);
    }

    /** @return array<string, string> the live parts of a page by their ids */
    public function parts(string $page): array
    {
        $parts = ['state' => $this->part('state')];
        foreach (self::PARTS[$page] as $part) {
            $parts[$part] = $this->part($part);
        }
        foreach ($page === 'now' ? $this->status->inverters : [] as $serial => $inverter) {
            $parts["inverter-$serial"] = $this->part('inverter', ['serial' => (string) $serial, 'now' => $inverter]);
            $events = $this->boards->last("events-$serial", self::EVENTS);
            $parts["events-$serial"] = $this->part('events', ['events' => $events]);
        }
        return $parts;
    }

    /** @param array<string, mixed> $facts */
    private function part(string $part, array $facts = []): string
    {
        return $this->rendered("pages/parts/$part.php", $facts);
    }

    /** @param array<string, mixed> $facts */
    private function rendered(string $template, array $facts): string
    {
        extract($facts);
        ob_start();
        require __DIR__ . "/../$template";
        return (string) ob_get_clean();
    }

    private function e(string|int|float $text): string
    {
        return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE);
    }

    /** A text of ours, as HTML. */
    private function say(string $key, string|int|float ...$places): string
    {
        return $this->e($this->texts->say($key, ...$places));
    }

    /** A number with its unit; a dash where it is not known. */
    private function number(int|float|null $number, int $digits, string $unit = '', string $name = ''): string
    {
        $text = $number === null ? "\u{2013}" : $this->texts->number($number, $digits);
        $name = $name === '' ? '' : ' data-name="' . $this->e($name) . '"';
        $unit = $unit === '' ? '' : '<span class="unit">' . $this->e($this->texts->unit($unit)) . '</span>';
        return "<span class=\"number\"><span$name>$text</span>$unit</span>";
    }

    /** A row of a list of facts; the value is HTML. */
    private function fact(string $key, string $value): string
    {
        return "<div><dt>{$this->say($key)}</dt><dd>$value</dd></div>\n";
    }

    /** Energy in kWh, of Wh. */
    private function energy(?float $wattHours, int $digits, string $name = ''): string
    {
        return $this->number($wattHours === null ? null : $wattHours / 1000, $digits, 'kWh', $name);
    }

    /** An age that the script lets grow. */
    private function age(?float $seconds): string
    {
        if ($seconds === null) {
            return $this->say('age none');
        }
        return sprintf('<span data-age="%.1f">%s</span>', $seconds, $this->e($this->texts->age($seconds)));
    }

    private function tokenField(): string
    {
        return '<input type="hidden" name="token" value="' . $this->e($this->session->token) . '">';
    }

    private function sequenceField(Form $form): string
    {
        return "<input type=\"hidden\" name=\"sequence\" value=\"$form->sequence\">";
    }

    /** The time zones that an input offers. */
    private function zones(): string
    {
        $option = fn (string $zone): string => "<option value=\"{$this->e($zone)}\">";
        $options = implode('', array_map($option, \DateTimeZone::listIdentifiers()));
        return "<datalist id=\"zones\">$options</datalist>";
    }

    /** The label and the input of a field of a board, with what is wrong with it. */
    private function input(Form $form, string $input): string
    {
        [$field] = Form::inputs($form->schema)[$input];
        $error = $form->errors[$input] ?? '';
        $about = $this->about($field);
        $told = [...($about === '' ? [] : ["$input-about"]), ...($error === '' ? [] : ["$input-error"])];
        return $this->rendered('pages/input.php', [
            'field' => $field,
            'input' => $input,
            'label' => $this->texts->of($field->label),
            'value' => $form->values[$input],
            'about' => $about,
            'error' => $error,
            'attributes' => ($told === [] ? '' : ' aria-describedby="' . implode(' ', $told) . '"')
                . ($error === '' ? '' : ' aria-invalid="true"'),
        ]);
    }

    /** What the board says of a field: its limits, and what it is about. */
    private function about(Field $field): string
    {
        [$min, $max] = [$field->min, $field->max];
        $limits = $min === null || $max === null ? '' : $this->texts->say(
            'limits of',
            $this->texts->typed($min),
            $this->texts->typed($max),
            $this->texts->unit($field->unit),
        );
        $description = $field->description === '' ? '' : $this->texts->of($field->description);
        return implode(' · ', array_filter([trim($limits), $description]));
    }

    /** How an input's value is shown beside another one. */
    private function shown(Field $field, string $value): string
    {
        return match (true) {
            $field->type === Type::Bool => $this->say($value === '' ? 'no' : 'yes'),
            $value === '' => "\u{2013}",
            isset(Form::CHOICES[$field->name]) => $this->e($this->texts->of($value)),
            default => $this->e(rtrim("$value {$this->texts->unit($field->unit)}")),
        };
    }
}
