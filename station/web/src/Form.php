<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Field, Schema, Snapshot, Type};

/**
 * The form of a board that is written by turns: its inputs follow from the board's own fields, with their labels, units
 * and limits. Holds what was loaded or typed, and what is wrong with it.
 *
 * An input is called like its field, or FIELD-0, FIELD-1 ... for a field of many elements.
 */
final class Form
{
    /** Texts that are one of a few, by field. */
    public const CHOICES = ['mode' => ['automatic', 'manual', 'paused']];
    public const SERIAL = '/^(1121|1141|1161)\d{8}$/D';

    /** @var array<string, string> what is wrong, by input */
    public array $errors = [];
    /** What somebody else saved while this form was open. */
    public ?Snapshot $others = null;

    /** @param array<string, string> $values by input */
    private function __construct(
        public readonly Schema $schema,
        public int $sequence,
        public readonly array $values,
        private readonly Texts $texts,
    ) {
    }

    /** The form of what is saved. */
    public static function of(Schema $schema, Snapshot $saved, Texts $texts): self
    {
        return new self($schema, $saved->sequence, self::typed($schema, $saved->toArray(), $texts), $texts);
    }

    /**
     * The form as it was sent. What it leaves out is as it is saved; a box that is not ticked is named in `boxes`.
     *
     * @param array<mixed> $sent
     */
    public static function sent(Schema $schema, array $sent, Snapshot $saved, Texts $texts): self
    {
        $values = self::typed($schema, $saved->toArray(), $texts);
        foreach (self::inputs($schema) as $input => [$field]) {
            $text = $sent[$input] ?? null;
            if (is_string($text)) {
                $values[$input] = trim($text);
            } elseif ($field->type === Type::Bool && in_array($input, (array) ($sent['boxes'] ?? []), true)) {
                $values[$input] = '';
            }
        }
        $sequence = is_string($sent['sequence'] ?? null) ? (int) $sent['sequence'] : 0;
        return new self($schema, $sequence, $values, $texts);
    }

    /** @return array<string, array{Field, ?int}> each input's field, and its element's index */
    public static function inputs(Schema $schema): array
    {
        $inputs = [];
        foreach ($schema->fields as $name => $field) {
            if ($field->count === 1) {
                $inputs[$name] = [$field, null];
                continue;
            }
            foreach (range(0, $field->count - 1) as $index) {
                $inputs["$name-$index"] = [$field, $index];
            }
        }
        return $inputs;
    }

    /** What each input of these differs in: theirs and ours. @return array<string, array{string, string}> */
    public function differences(): array
    {
        $theirs = self::typed($this->schema, $this->others->toArray(), $this->texts);
        $differs = fn (string $input): bool => $theirs[$input] !== $this->values[$input];
        $inputs = array_filter(array_keys($theirs), $differs);
        return array_combine($inputs, array_map(fn ($input) => [$theirs[$input], $this->values[$input]], $inputs));
    }

    /** @return array<string, mixed> the record that was typed; notes what is wrong with it */
    public function record(): array
    {
        $record = [];
        foreach (self::inputs($this->schema) as $input => [$field, $index]) {
            $value = $this->value($input, $field);
            if ($index === null) {
                $record[$field->name] = $value;
            } else {
                $record[$field->name][$index] = $value;
            }
        }
        $serials = array_filter($record['serial'] ?? []);
        foreach (array_diff_key($serials, array_unique($serials)) as $index => $serial) {
            $this->errors["serial-$index"] ??= $this->texts->say('error twice');
        }
        return $record;
    }

    private function value(string $input, Field $field): mixed
    {
        $text = $this->values[$input];
        return match (true) {
            $field->type === Type::Bool => $text !== '',
            $field->type === Type::Text => $this->text($input, $field, $text),
            $text === '' && $field->optional => null,
            default => $this->number($input, $field, $text),
        };
    }

    private function text(string $input, Field $field, string $text): string
    {
        $error = match (true) {
            strlen($text) > $field->size => $this->texts->say('error long', $field->size),
            !mb_check_encoding($text, 'UTF-8'), str_contains($text, "\0") => $this->texts->say('error text'),
            $field->name === 'serial' && $text !== '' && !preg_match(self::SERIAL, $text)
                => $this->texts->say('error serial'),
            $field->name === 'timezone' && !in_array($text, \DateTimeZone::listIdentifiers(), true)
                => $this->texts->say('error zone'),
            !in_array($text, self::CHOICES[$field->name] ?? [$text], true) => $this->texts->say('error choice'),
            default => null,
        };
        if ($error !== null) {
            $this->errors[$input] = $error;
        }
        return $text;
    }

    private function number(string $input, Field $field, string $text): float
    {
        $number = filter_var(str_replace([',', "\u{2212}"], ['.', '-'], $text), FILTER_VALIDATE_FLOAT);
        if ($number === false || $number < ($field->min ?? -INF) || $number > ($field->max ?? INF)) {
            $unit = $this->texts->unit($field->unit);
            $limits = array_map($this->texts->typed(...), [$field->min, $field->max]);
            $this->errors[$input] = rtrim($this->texts->say('error number', ...[...$limits, $unit]));
            return 0.0;
        }
        return $number;
    }

    /**
     * @param array<string, mixed> $record
     * @return array<string, string>
     */
    private static function typed(Schema $schema, array $record, Texts $texts): array
    {
        $typed = [];
        foreach (self::inputs($schema) as $input => [$field, $index]) {
            $value = $index === null ? $record[$field->name] : $record[$field->name][$index];
            $typed[$input] = match (true) {
                is_bool($value) => $value ? '1' : '',
                is_int($value), is_float($value) => $texts->typed($value),
                default => (string) $value,
            };
        }
        return $typed;
    }
}
