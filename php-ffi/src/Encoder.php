<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Encodes the values of all fields to a record: one pack() for all, planned once for a schema.
 *
 * @internal
 */
final class Encoder
{
    private string $format = '';

    /** @param array<string, Field> $fields */
    public function __construct(private array $fields, int $recordSize)
    {
        foreach ($fields as $field) {
            $element = $field->type->format();
            $element .= $field->type === Type::Text ? $field->size : '';
            $elements = strlen($element) > 1
                ? str_repeat($element, $field->count)
                : $element . $field->count;
            $this->format .= "@{$field->offset}$elements";
        }
        $this->format .= "@$recordSize";
    }

    /**
     * @param array<mixed> $values
     * @return array{string, int|string} the record, and a bit for each optional field that is
     *     known
     */
    public function encode(array $values, string $board): array
    {
        foreach (array_diff_key($values, $this->fields) as $name => $_) {
            $known = implode(', ', array_keys($this->fields));
            throw new InvalidFields("board $board has no field $name; it has $known");
        }
        $elements = [];
        $bits = [];
        foreach ($this->fields as $name => $field) {
            if (!array_key_exists($name, $values) && !$field->mayBeMissing()) {
                throw new InvalidFields(
                    "board $board: field $name ({$field->type->label()}) is missing"
                );
            }
            $value = array_key_exists($name, $values) ? $values[$name] : $field->default;
            if ($field->optional) {
                $bits[] = $value !== null;
                if ($value === null) {
                    array_push(
                        $elements,
                        ...array_fill(0, $field->count, $field->type === Type::Text ? '' : 0)
                    );
                    continue;
                }
            }
            if ($field->count === 1) {
                $elements[] = self::limited($field, $value, $board);
                continue;
            }
            if (!is_array($value) || count($value) !== $field->count || !array_is_list($value)) {
                $given = is_array($value) ? count($value) . ' elements' : get_debug_type($value);
                throw new InvalidFields(
                    "board $board: field $name must be a list of {$field->count} "
                    . "{$field->type->label()} (got $given)"
                );
            }
            foreach ($value as $element) {
                $elements[] = self::limited($field, $element, $board);
            }
        }
        $present = $bits === [] ? 0 : Word::at(Word::ofBits($bits), 0, true);
        return [pack($this->format, ...$elements), $present];
    }

    /** Checks one element, its limits included. */
    private static function limited(Field $field, mixed $value, string $board): int|float|string
    {
        $element = self::element($field, $value, $board);
        if ($field->min === null && $field->max === null) {
            return $element;
        }
        if (self::isWithin($field, $value)) {
            return $element;
        }
        $limits = match (null) {
            $field->max => "at least {$field->min}",
            $field->min => "at most {$field->max}",
            default => "between {$field->min} and {$field->max}",
        };
        $unit = $field->unit === '' ? '' : " {$field->unit}";
        throw new InvalidFields(
            "board $board: field {$field->name} must be $limits$unit (got $value)"
        );
    }

    private static function isWithin(Field $field, int|float|string $value): bool
    {
        $compare = match (true) {
            // PHP does not order integers beyond PHP_INT_MAX.
            $field->type->isInteger() => fn (int|string $one, int|string $other): int =>
                is_int($one) && is_int($other) ? $one <=> $other : Word::compare($one, $other),
            // As stored: else a value could not equal its limit.
            $field->type === Type::F32 => fn (int|float $one, int|float $other): int =>
                unpack('f', pack('f', $one)) <=> unpack('f', pack('f', $other)),
            default => fn (int|float $one, int|float $other): int => $one <=> $other,
        };
        return !(is_float($value) && is_nan($value))
            && ($field->min === null || $compare($value, $field->min) >= 0)
            && ($field->max === null || $compare($value, $field->max) <= 0);
    }

    private static function element(Field $field, mixed $value, string $board): int|float|string
    {
        $type = $field->type;
        if ($type === Type::Bool && is_bool($value)) {
            return (int) $value;
        }
        if (($type === Type::F64 || $type === Type::F32) && is_float($value)) {
            return $value;
        }
        if (($type === Type::F64 || $type === Type::F32) && is_int($value)) {
            return self::isExact($value, $type) ? $value : throw new InvalidFields(
                "board $board: field {$field->name}: {$type->label()} cannot hold the integer "
                . "$value exactly. Pass a float to round it."
            );
        }
        if ($type->isInteger() && (is_int($value) || self::isWord($type, $value))) {
            return self::integer($field, $value, $board);
        }
        if ($type === Type::Text && is_string($value)) {
            return self::text($field, $value, $board);
        }
        $given = get_debug_type($value);
        throw new InvalidFields(
            "board $board: field {$field->name} must be {$type->label()} (got $given)"
        );
    }

    /** Whether it is a string, for a type that has values beyond PHP_INT_MAX. */
    private static function isWord(Type $type, mixed $value): bool
    {
        return is_string($value) && is_string($type->range()[1]);
    }

    /** Whether a float has room for all digits of an integer. */
    private static function isExact(int $value, Type $type): bool
    {
        $stored = $type === Type::F32 ? unpack('f', pack('f', $value))[1] : (float) $value;
        // Not (int) $stored: PHP_INT_MAX would become PHP_INT_MIN.
        return abs($value) <= 1 << 24 || sprintf('%.0f', $stored) === (string) $value;
    }

    /** The integer as pack() takes it for the type. */
    private static function integer(Field $field, int|string $value, string $board): int|string
    {
        [$least, $greatest] = $field->type->range();
        $isWithin = is_string($value)
            ? Word::isWithin($value, (string) $least, (string) $greatest)
            : (is_string($least) || $value >= $least)
                && (is_string($greatest) || $value <= $greatest);
        if (!$isWithin) {
            throw new InvalidFields(
                "board $board: field {$field->name} must be {$field->type->label()}, $least to "
                . "$greatest (got $value)"
            );
        }
        if ($field->type->size() === 8 && !Word::FITS) {
            return Word::of($value);
        }
        // The int with the same bits.
        return match (true) {
            is_int($value) => $value,
            Word::FITS => Word::at(Word::of($value), 0, true),
            default => (int) ($value > PHP_INT_MAX ? $value - 2 ** 32 : $value),
        };
    }

    private static function text(Field $field, string $text, string $board): string
    {
        $given = strlen($text);
        if ($given > $field->size) {
            throw new TooLarge(
                "board $board: field {$field->name}: the text must have at most {$field->size} "
                . "bytes (got $given)"
            );
        }
        if (str_contains($text, "\0")) {
            throw new InvalidFields(
                "board $board: field {$field->name}: text must not contain NUL"
            );
        }
        if (preg_match('//u', $text) !== 1) {
            throw new InvalidFields("board $board: field {$field->name}: the text must be UTF-8");
        }
        return $text;
    }
}
