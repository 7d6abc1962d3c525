<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Field, Schema, Snapshot, Type};

/**
 * The form of a shared board. Its inputs are made from the fields of the board, with their labels,
 * units and limits. It holds the values that were loaded or entered, and their errors.
 *
 * An input has the name of its field, or FIELD-0, FIELD-1 ... for a field of many elements.
 */
final class Form
{
    /** The choices of a text, by field. */
    public const CHOICES = ['mode' => ['automatic', 'manual', 'paused']];
    public const SERIAL = '/^(1121|1141|1161)\d{8}$/D';

    /** @var array<string, string> the errors by input */
    public array $errors = [];
    /** The record that another user saved while this form was open. */
    public ?Snapshot $others = null;

    /** @param array<string, string> $values by input */
    private function __construct(
        public readonly Schema $schema,
        public int $sequence,
        public readonly array $values,
        private readonly Texts $texts,
    ) {
    }

    /** The form with the saved values. */
    public static function of(Schema $schema, Snapshot $saved, Texts $texts): self
    {
        $values = self::typed($schema, $saved->toArray(), $texts);
        return new self($schema, $saved->sequence, $values, $texts);
    }

    /**
     * The form as it was sent. Missing inputs keep the saved value. `boxes` has the names of all
     * checkboxes, as browsers do not send those that are not checked.
     *
     * @param array<mixed> $sent
     */
    public static function sent(Schema $schema, array $sent, Snapshot $saved, Texts $texts): self
    {
        $values = self::typed($schema, $saved->toArray(), $texts);
        $boxes = (array) ($sent['boxes'] ?? []);
        foreach (self::inputs($schema) as $input => [$field]) {
            $text = $sent[$input] ?? null;
            if (is_string($text)) {
                $values[$input] = trim($text);
            } elseif ($field->type === Type::Bool && in_array($input, $boxes, true)) {
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

    /** @return array<string, array{string, string}> their value and ours, where they differ */
    public function differences(): array
    {
        $theirs = self::typed($this->schema, $this->others->toArray(), $this->texts);
        $differs = fn (string $input): bool => $theirs[$input] !== $this->values[$input];
        $inputs = array_filter(array_keys($theirs), $differs);
        $pair = fn (string $input): array => [$theirs[$input], $this->values[$input]];
        return array_combine($inputs, array_map($pair, $inputs));
    }

    /** @return array<string, mixed> the record that was entered; sets the errors */
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
            !mb_check_encoding($text, 'UTF-8'), str_contains($text, "\0")
                => $this->texts->say('error text'),
            $field->name === 'serial' && $text !== '' && !preg_match(self::SERIAL, $text)
                => $this->texts->say('error serial'),
            $field->name === 'timezone' && !in_array($text, \DateTimeZone::listIdentifiers(), true)
                => $this->texts->say('error zone'),
            !in_array($text, self::CHOICES[$field->name] ?? [$text], true)
                => $this->texts->say('error choice'),
            default => null,
        };
        if ($error !== null) {
            $this->errors[$input] = $error;
        }
        return $text;
    }

    private function number(string $input, Field $field, string $text): float
    {
        $text = str_replace([',', "\u{2212}"], ['.', '-'], $text);
        $number = filter_var($text, FILTER_VALIDATE_FLOAT);
        [$min, $max] = [$field->min ?? -INF, $field->max ?? INF];
        if ($number === false || $number < $min || $number > $max) {
            $unit = $this->texts->unit($field->unit);
            $limits = array_map($this->texts->typed(...), [$field->min, $field->max]);
            $error = $this->texts->say('error number', ...[...$limits, $unit]);
            $this->errors[$input] = rtrim($error);
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
