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
            $elements = $field->type === Type::Text
                ? str_repeat($element . $field->size, $field->count)
                : $element . $field->count;
            $this->format .= "@{$field->offset}$elements";
        }
        $this->format .= "@$recordSize";
    }

    /**
     * @param array<mixed> $values
     * @return array{string, int} the record, and a bit for each optional field that is known
     */
    public function encode(array $values, string $board): array
    {
        foreach (array_diff_key($values, $this->fields) as $name => $_) {
            $known = implode(', ', array_keys($this->fields));
            throw new InvalidFields("board $board has no field $name; it has $known");
        }
        $elements = [];
        [$present, $bit] = [0, 1];
        foreach ($this->fields as $name => $field) {
            if (!array_key_exists($name, $values) && !$field->mayBeMissing()) {
                throw new InvalidFields(
                    "board $board: field $name ({$field->type->label()}) is missing"
                );
            }
            $value = array_key_exists($name, $values) ? $values[$name] : $field->default;
            if ($field->optional) {
                $present |= $value === null ? 0 : $bit;
                $bit <<= 1;
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
        $compare = match ($field->type) {
            // PHP does not order integers beyond PHP_INT_MAX.
            Type::U64 => fn (int|string $one, int|string $other): int =>
                [strlen((string) $one), (string) $one]
                    <=> [strlen((string) $other), (string) $other],
            // As stored: else a value could not equal its limit.
            Type::F32 => fn (int|float $one, int|float $other): int =>
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
        if ($type->isInteger() && (is_int($value) || ($type === Type::U64 && is_string($value)))) {
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

    /** Whether a float has room for all digits of an integer. */
    private static function isExact(int $value, Type $type): bool
    {
        $stored = $type === Type::F32 ? unpack('f', pack('f', $value))[1] : (float) $value;
        // Not (int) $stored: PHP_INT_MAX would become PHP_INT_MIN.
        return abs($value) <= 1 << 24 || sprintf('%.0f', $stored) === (string) $value;
    }

    private static function integer(Field $field, int|string $value, string $board): int
    {
        [$least, $greatest] = $field->type->range();
        if (is_string($value)) {
            $number = self::unsigned($value, $greatest);
        } else {
            $number = $value < $least || (is_int($greatest) && $value > $greatest) ? null : $value;
        }
        return $number ?? throw new InvalidFields(
            "board $board: field {$field->name} must be {$field->type->label()}, $least to "
            . "$greatest (got $value)"
        );
    }

    /** The int whose 64 bits are those of a decimal number; null if it is not one or too great. */
    private static function unsigned(string $digits, string $greatest): ?int
    {
        if (preg_match('/^(0|[1-9][0-9]{0,19})$/D', $digits) !== 1) {
            return null;
        }
        if (strlen($digits) < 19) {
            return (int) $digits;
        }
        if (strlen($digits) === strlen($greatest) && strcmp($digits, $greatest) > 0) {
            return null;
        }
        // PHP's integers do not wrap, so this counts from 2^63, which is 922337203685477581 tens
        // less 2.
        $tens = (int) substr($digits, 0, -1) - 922337203685477581;
        $above = $tens * 10 + (int) $digits[-1] + 2;
        return $above < 0 ? (int) $digits : PHP_INT_MIN + $above;
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
