<?php

declare(strict_types=1);

namespace Pegel;

/**
 * From a record to the values of its fields, planned once for a schema: one unpack() for all plain values,
 * one for each array.
 *
 * @internal
 */
final class Decoder
{
    /** Of the plain values; '' when there are none. */
    private string $format;

    /** @var array<string, null> All fields in their order; empty when unpack() already gives that. */
    private array $order = [];

    /** @var array<string, array{string, int}> Format and offset of the arrays. */
    private array $arrays = [];

    /** @var array<string, Type> The fields that unpack() does not give as they shall be. */
    private array $unfinished = [];

    /** @var array<string, int> The bits of the optional fields. */
    private array $bits = [];

    /** @param array<string, Field> $fields */
    public function __construct(array $fields)
    {
        $formats = [];
        foreach ($fields as $name => $field) {
            if ($field->optional) {
                $this->bits[$name] = 1 << count($this->bits);
            }
            if (in_array($field->type, [Type::Bool, Type::U64, Type::Text], true)) {
                $this->unfinished[$name] = $field->type;
            }
            $element = $field->type === Type::Text ? "Z{$field->size}" : $field->type->format();
            if ($field->count === 1) {
                $formats[] = "@{$field->offset}/$element$name";
            } elseif ($field->type === Type::Text) {
                $elements = array_map(fn (int $index): string => "{$element}_$index", range(0, $field->count - 1));
                $this->arrays[$name] = [implode('/', $elements), $field->offset];
            } else {
                $this->arrays[$name] = [$element . $field->count, $field->offset];
            }
        }
        $this->format = implode('/', $formats);
        if ($this->arrays !== []) {
            $this->order = array_fill_keys(array_keys($fields), null);
        }
    }

    /** @return array<string, mixed> */
    public function decode(string $record, int $present): array
    {
        $values = $this->format === '' ? [] : unpack($this->format, $record);
        if ($this->order !== []) {
            $values = array_replace($this->order, $values);
        }
        foreach ($this->arrays as $name => [$format, $offset]) {
            $values[$name] = array_values(unpack($format, $record, $offset));
        }
        foreach ($this->unfinished as $name => $type) {
            $value = $values[$name];
            $values[$name] = is_array($value)
                ? array_map(fn (int|string $element): mixed => self::finish($type, $element), $value)
                : self::finish($type, $value);
        }
        foreach ($this->bits as $name => $bit) {
            if (($present & $bit) === 0) {
                $values[$name] = null;
            }
        }
        return $values;
    }

    private static function finish(Type $type, int|string $value): bool|int|string
    {
        return match ($type) {
            Type::Bool => $value !== 0,
            Type::U64 => $value < 0 ? sprintf('%u', $value) : $value,
            default => self::text($value),
        };
    }

    /** Whoever publishes raw records may publish anything, and what is no UTF-8 would break json_encode(). */
    private static function text(string $text): string
    {
        return preg_match('//u', $text) === 1
            ? $text
            : json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
    }
}
