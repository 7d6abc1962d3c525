<?php

declare(strict_types=1);

namespace Pegel;

/**
 * From what was read to the document, or to the values of the fields.
 *
 * Snapshot decodes plain values by a plan (Backend), and calls this class for all others: pages that only read plain
 * fields need not load it.
 *
 * @internal
 */
final class Decoder
{
    /** Bytes of an element and its letter in unpack(), by the number of its type. */
    public const SIZES = [1 => 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8];
    public const LETTERS = '?CcCsSlLqQfdaaa';

    /** Beside the number of the type of an optional field. */
    public const OPTIONAL = 256;

    /** Numbers of types: to load those of Type takes a page as long as to read. */
    private const BOOL = 1;
    private const U64 = 9;
    private const TEXT = 12;
    public const DOCUMENTS = [13 => 'json', 14 => 'bytes'];

    /** Where a pegel_stamp says which optional fields are known. */
    private const PRESENT = 48;

    /**
     * @param list<array<string, int|string>> $rows the fields as those of pegel_field
     * @return array{int, bool, string, array<string, int>, ?array<string, mixed>}
     */
    public static function plan(array $rows, int $recordSize): array
    {
        [$format, $end] = ['', 0];
        [$unfinished, $arrays, $bits, $order] = [[], [], [], []];
        foreach ($rows as ['name' => $name, 'type' => $kind, 'size' => $size, 'count' => $count, 'offset' => $offset]) {
            $type = $kind & ~self::OPTIONAL;
            $order[$name] = null;
            if ($kind !== $type) {
                $bits[$name] = 1 << count($bits);
            }
            $element = $type === self::TEXT ? "Z$size" : self::LETTERS[$type];
            if ($count > 1) {
                $arrays[$name] = [self::elements($element, $count), $offset, $type];
                continue;
            }
            // To say of each where it begins would double the time of unpack().
            $format .= $offset === $end ? "$element$name/" : "@$offset/$element$name/";
            $end = $offset + $size;
            if ($type === self::BOOL || $type === self::U64 || $type === self::TEXT) {
                $unfinished[$name] = $type;
            }
        }
        $document = self::DOCUMENTS[$rows[0]['type']] ?? null;
        $isPlain = $document === null && $arrays === [] && $bits === [];
        $more = ['document' => $document, 'arrays' => $arrays, 'bits' => $bits, 'order' => $order];
        return [
            Backend::SIZE => Backend::STAMP + $recordSize,
            Backend::IS_DOCUMENT => $document !== null,
            Backend::FORMAT => $format,
            Backend::UNFINISHED => $unfinished,
            Backend::MORE => $isPlain ? null : $more,
        ];
    }

    private static function elements(string $element, int $count): string
    {
        return $element[0] === 'Z'
            ? implode('/', array_map(fn (int $index): string => "{$element}_$index", range(0, $count - 1)))
            : $element . $count;
    }

    /**
     * The document of what a Backend read.
     *
     * @param array<string, mixed> $more of a plan
     */
    public static function document(array $more, string $publication, string $board): mixed
    {
        $bytes = substr($publication, Backend::STAMP);
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
            $elements = array_values(unpack($format, $publication, Backend::STAMP + $offset));
            $values[$name] = match ($type) {
                self::BOOL => array_map(fn (int $element): bool => $element !== 0, $elements),
                self::U64 => array_map(self::unsigned(...), $elements),
                self::TEXT => array_map(self::text(...), $elements),
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
