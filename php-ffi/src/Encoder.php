<?php

declare(strict_types=1);

namespace Pegel;

/**
 * From the values of all fields to a record, planned once for a schema: one pack() for all.
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

    /** @param array<mixed> $values */
    public function encode(array $values, string $board): string
    {
        foreach (array_diff_key($values, $this->fields) as $name => $_) {
            $known = implode(', ', array_keys($this->fields));
            throw new InvalidFields("board $board has no field $name; it has $known");
        }
        $elements = [];
        foreach ($this->fields as $name => $field) {
            if (!array_key_exists($name, $values)) {
                throw new InvalidFields("board $board: field $name ({$field->type->label()}) is missing");
            }
            $value = $values[$name];
            if ($field->count === 1) {
                $elements[] = self::element($field, $value, $board);
                continue;
            }
            if (!is_array($value) || count($value) !== $field->count || !array_is_list($value)) {
                $given = is_array($value) ? count($value) . ' elements' : get_debug_type($value);
                throw new InvalidFields(
                    "board $board: field $name is a list of {$field->count} {$field->type->label()}, not $given"
                );
            }
            foreach ($value as $element) {
                $elements[] = self::element($field, $element, $board);
            }
        }
        return pack($this->format, ...$elements);
    }

    private static function element(Field $field, mixed $value, string $board): int|float|string
    {
        $type = $field->type;
        if ($type === Type::Bool && is_bool($value)) {
            return (int) $value;
        }
        if (($type === Type::F64 || $type === Type::F32) && (is_float($value) || is_int($value))) {
            return $value;
        }
        if ($type->isInteger() && (is_int($value) || ($type === Type::U64 && is_string($value)))) {
            return self::integer($field, $value, $board);
        }
        if ($type === Type::Text && is_string($value)) {
            return self::text($field, $value, $board);
        }
        $given = get_debug_type($value);
        throw new InvalidFields("board $board: field {$field->name} is {$type->label()}, not $given");
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
            "board $board: field {$field->name} is {$field->type->label()}, $least to $greatest; $value is outside"
        );
    }

    /** The 64 bits of a decimal number, as the int that has the same. */
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
        // PHP's integers do not wrap, so count from 2^63 on: it is 922337203685477581 tens less 2.
        $tens = (int) substr($digits, 0, -1) - 922337203685477581;
        $above = $tens * 10 + (int) $digits[-1] + 2;
        return $above < 0 ? (int) $digits : PHP_INT_MIN + $above;
    }

    private static function text(Field $field, string $text, string $board): string
    {
        $given = strlen($text);
        if ($given > $field->size) {
            throw new TooLarge(
                "board $board: field {$field->name}: the text has $given bytes; there is room for {$field->size}"
            );
        }
        if (str_contains($text, "\0")) {
            throw new InvalidFields("board $board: field {$field->name}: a text holds no NUL");
        }
        if (preg_match('//u', $text) !== 1) {
            throw new InvalidFields("board $board: field {$field->name}: the text is no UTF-8");
        }
        return $text;
    }
}
