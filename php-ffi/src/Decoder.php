<?php

declare(strict_types=1);

namespace Pegel;

/**
 * From what was read to the document, or to the values of the fields.
 *
 * A plan says how: worked out once for a board, and then a matter of one unpack() for all plain values, in
 * Snapshot. What else there may be is done here: pages that only read plain fields need not load this class.
 *
 * A plan is a list, which serialize() can keep: the bytes of a stamp and a record; whether the board has documents; the
 * format of unpack(); the names of the plain fields whose type is bool, u64 and text; and what is for this class, or
 * null.
 *
 * @internal
 */
final class Decoder
{
    /** Where a pegel_stamp says which optional fields are known. */
    private const PRESENT = 48;

    /** @return array{int, bool, string, list<string>, list<string>, list<string>, ?array<string, mixed>} */
    public static function plan(Schema $schema): array
    {
        [$format, $end] = ['', 0];
        [$bools, $u64s, $texts] = [[], [], []];
        [$arrays, $bits, $order] = [[], [], []];
        foreach ($schema->fields as $name => $field) {
            $order[$name] = null;
            if ($field->optional) {
                $bits[$name] = 1 << count($bits);
            }
            $element = $field->type === Type::Text ? "Z{$field->size}" : $field->type->format();
            if ($field->count > 1) {
                $arrays[$name] = [self::elements($element, $field->count), $field->offset, $field->type->value];
                continue;
            }
            // To say of each where it begins would double the time of unpack().
            $format .= $field->offset === $end ? "$element$name/" : "@{$field->offset}/$element$name/";
            $end = $field->offset + $field->size;
            match ($field->type) {
                Type::Bool => $bools[] = $name,
                Type::U64 => $u64s[] = $name,
                Type::Text => $texts[] = $name,
                default => null,
            };
        }
        $document = $schema->document?->label();
        $isPlain = $document === null && $arrays === [] && $bits === [];
        $more = ['document' => $document, 'arrays' => $arrays, 'bits' => $bits, 'order' => $order];
        $size = Library::STAMP + $schema->recordSize;
        return [$size, $document !== null, $format, $bools, $u64s, $texts, $isPlain ? null : $more];
    }

    private static function elements(string $element, int $count): string
    {
        return $element[0] === 'Z'
            ? implode('/', array_map(fn (int $index): string => "{$element}_$index", range(0, $count - 1)))
            : $element . $count;
    }

    /**
     * The document of what Library read.
     *
     * @param array<string, mixed> $more of a plan
     */
    public static function document(array $more, string $publication, string $board): mixed
    {
        $bytes = substr($publication, Library::STAMP);
        return $more['document'] === 'json' ? Json::decode($bytes, $board) : $bytes;
    }

    /**
     * Arrays beside the plain values, and null for what is unknown.
     *
     * @param array<string, mixed> $more of a plan
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    public static function complete(array $more, array $values, string $publication): array
    {
        $values = array_replace($more['order'], $values);
        foreach ($more['arrays'] as $name => [$format, $offset, $type]) {
            $elements = array_values(unpack($format, $publication, Library::STAMP + $offset));
            $values[$name] = match ($type) {
                Type::Bool->value => array_map(fn (int $element): bool => $element !== 0, $elements),
                Type::U64->value => array_map(self::unsigned(...), $elements),
                Type::Text->value => array_map(self::text(...), $elements),
                default => $elements,
            };
        }
        $present = unpack('q', $publication, self::PRESENT)[1];
        foreach ($more['bits'] as $name => $bit) {
            if (($present & $bit) === 0) {
                $values[$name] = null;
            }
        }
        return $values;
    }

    /** PHP's own integers end at PHP_INT_MAX. */
    public static function unsigned(int $number): int|string
    {
        return $number < 0 ? sprintf('%u', $number) : $number;
    }

    /** What is no UTF-8 as U+FFFD: whoever publishes raw records may publish anything. */
    public static function text(string $text): string
    {
        return json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
    }
}
