<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Field, Snapshot, Type};

/**
 * The pages as HTML. Live parts, which update themselves, are rendered by pages/parts for a page
 * and for its events. A page has an element for each part, with its name as id.
 */
final class View
{
    /** The pages that have live parts. */
    public const LIVE = ['now', 'control', 'daemon'];
    private const PAGES = [
        'now' => '/',
        'settings' => '/settings',
        'control' => '/control',
        'log' => '/log',
        'daemon' => '/daemon',
    ];
    private const PARTS = [
        'now' => ['hero', 'flow', 'curve'],
        'control' => ['controller', 'commands'],
        'daemon' => ['daemon'],
    ];
    private const MAX_EVENTS = 50;

    public readonly Status $status;

    public function __construct(
        private readonly Boards $boards,
        private readonly Texts $texts,
        private readonly Session $session,
    ) {
        $this->status = new Status($boards);
        $texts->in($this->status->config['timezone']);
    }

    /** @param array<string, mixed> $facts the variables of the template */
    public function page(string $page, array $facts): void
    {
        $message = isset($_GET['saved']) ? $this->texts->say('saved') : '';
        $isLive = in_array($page, self::LIVE, true);
        $parts = $isLive ? $this->parts($page) : ['state' => $this->part('state')];
        $facts += ['page' => $page, 'message' => $message, 'form' => null, 'parts' => $parts];
        $facts['body'] = $this->rendered("pages/$page.php", $facts);
        echo $this->rendered('pages/layout.php', $facts);
    }

    /** @return array<string, string> the live parts of a page by their ids */
    public function parts(string $page): array
    {
        $parts = ['state' => $this->part('state')];
        foreach (self::PARTS[$page] as $part) {
            $parts[$part] = $this->part($part);
        }
        foreach ($page === 'now' ? $this->status->inverters : [] as $serial => $inverter) {
            $facts = ['serial' => (string) $serial, 'now' => $inverter];
            $parts["inverter-$serial"] = $this->part('inverter', $facts);
            $events = $this->boards->last("events-$serial", self::MAX_EVENTS);
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

    /** A text of the pages, as HTML. */
    private function say(string $key, string|int|float ...$values): string
    {
        return $this->e($this->texts->say($key, ...$values));
    }

    /** A number with its unit, or a dash if it is unknown. */
    private function number(
        int|float|null $number,
        int $digits,
        string $unit = '',
        string $name = '',
    ): string {
        $text = $number === null ? "\u{2013}" : $this->texts->number($number, $digits);
        $name = $name === '' ? '' : " data-name=\"{$this->e($name)}\"";
        $unit = $this->e($this->texts->unit($unit));
        $unit = $unit === '' ? '' : "<span class=\"unit\">$unit</span>";
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

    /** An age, which the script of the page updates. */
    private function age(?float $seconds): string
    {
        if ($seconds === null) {
            return $this->say('age none');
        }
        $text = $this->e($this->texts->age($seconds));
        return sprintf('<span data-age="%.1f">%s</span>', $seconds, $text);
    }

    private function tokenField(): string
    {
        $token = $this->e($this->session->token);
        return "<input type=\"hidden\" name=\"token\" value=\"$token\">";
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

    /** The label, the input and the error of a field of a board. */
    private function input(Form $form, string $input): string
    {
        [$field] = Form::inputs($form->schema)[$input];
        $error = $form->errors[$input] ?? '';
        $about = $this->about($field);
        $ids = array_keys(array_filter(["$input-about" => $about, "$input-error" => $error]));
        $describedBy = $ids === [] ? '' : ' aria-describedby="' . implode(' ', $ids) . '"';
        return $this->rendered('pages/input.php', [
            'field' => $field,
            'input' => $input,
            'label' => $this->texts->of($field->label),
            'value' => $form->values[$input],
            'about' => $about,
            'error' => $error,
            'attributes' => $describedBy . ($error === '' ? '' : ' aria-invalid="true"'),
        ]);
    }

    /** The limits and the description of a field. */
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

    /** An input's value, in a comparison with another one. */
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
