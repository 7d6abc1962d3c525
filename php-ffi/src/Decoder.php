<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Decodes what a Backend read to a document, or to the values of the fields.
 *
 * Snapshot decodes plain values by a plan (Backend), and calls this class for all others: pages
 * that only read plain fields need not load it.
 *
 * @internal
 */
final class Decoder
{
    /** Bytes of an element, and its letter in unpack(), by the number of its type. */
    public const SIZES = [1 => 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8];
    public const LETTERS = '?CcCsSlLqQfdaaa';

    /** Added to the number of an optional field's type. */
    public const OPTIONAL = 256;

    /** Numbers of types. Loading those of Type would take a page as long as reading. */
    private const BOOL = 1;
    private const U32 = 7;
    private const I64 = 8;
    private const U64 = 9;
    private const TEXT = 12;

    /** Those of plain fields that unpack() does not finish. */
    private const UNFINISHED = PHP_INT_SIZE === 8
        ? [self::BOOL, self::U64, self::TEXT]
        : [self::BOOL, self::U32, self::I64, self::U64, self::TEXT];

    public const DOCUMENTS = [13 => 'json', 14 => 'bytes'];

    /** The offset in a pegel_stamp of the bits of known optional fields. */
    private const PRESENT = 48;

    /** @var array<string, array<string, mixed>> The parts MORE of plans. */
    private static array $known = [];

    /**
     * @param list<array<string, int|string>> $rows the fields as those of pegel_field
     * @return list<string>
     */
    public static function plan(array $rows, int $recordSize): array
    {
        [$format, $end] = ['', 0];
        [$unfinished, $arrays, $bits, $order] = [[], [], [], []];
        foreach ($rows as $row) {
            ['name' => $name, 'type' => $kind, 'size' => $size] = $row;
            ['count' => $count, 'offset' => $offset] = $row;
            $type = $kind & ~self::OPTIONAL;
            $order[$name] = null;
            if ($kind !== $type) {
                $bits[$name] = count($bits);
            }
            $element = $type === self::TEXT ? "Z$size" : self::format($type);
            if ($count > 1) {
                $arrays[$name] = [self::elements($element, $count), $offset, $type];
                continue;
            }
            // An offset for each field would double the time of unpack().
            $format .= $offset === $end ? "$element$name/" : "@$offset/$element$name/";
            $end = $offset + $size;
            if (in_array($type, self::UNFINISHED, true)) {
                array_push($unfinished, $name, (string) $type);
            }
        }
        $document = self::DOCUMENTS[$rows[0]['type']] ?? '';
        $isPlain = $arrays === [] && $bits === [];
        $more = ['arrays' => $arrays, 'bits' => $bits, 'order' => $order];
        return [
            Backend::PLAN => Backend::VERSION,
            Backend::SIZE => (string) (Backend::STAMP + $recordSize),
            Backend::DOCUMENT => $document,
            Backend::FORMAT => $format,
            Backend::MORE => $isPlain ? '' : serialize($more),
            ...$unfinished,
        ];
    }

    /** The format of an element in pack() and unpack(): bytes where PHP's int has too few bits. */
    public static function format(int $type): string
    {
        $isWord = $type === self::I64 || $type === self::U64;
        return $isWord && !Word::FITS ? 'a8' : self::LETTERS[$type];
    }

    private static function elements(string $element, int $count): string
    {
        return strlen($element) > 1
            ? implode(
                '/',
                array_map(fn (int $index): string => "{$element}_$index", range(0, $count - 1))
            )
            : $element . $count;
    }

    /**
     * Adds arrays to the plain values, and null for unknown fields.
     *
     * @param string $plan the part MORE of one
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    public static function complete(string $plan, array $values, string $publication): array
    {
        $more = self::$known[$plan] ??= unserialize($plan);
        $values = array_replace($more['order'], $values);
        foreach ($more['arrays'] as $name => [$format, $offset, $type]) {
            $elements = array_values(unpack($format, $publication, Backend::STAMP + $offset));
            $values[$name] = match ($type) {
                self::BOOL => array_map(fn (int $element): bool => $element !== 0, $elements),
                self::U32, self::I64, self::U64 =>
                    array_map(fn (mixed $one): mixed => self::integer($type, $one), $elements),
                self::TEXT => array_map(self::text(...), $elements),
                default => $elements,
            };
        }
        $present = substr($publication, self::PRESENT, 8);
        foreach ($more['bits'] as $name => $bit) {
            if (!Word::has($present, $bit)) {
                $values[$name] = null;
            }
        }
        return $values;
    }

    /** What format() unpacked, as a decimal string if PHP's int has no room for it. */
    public static function integer(int $type, int|string $element): int|string
    {
        if (is_string($element)) {
            return Word::at($element, 0, $type === self::I64);
        }
        return $element < 0 && $type !== self::I64 ? sprintf('%u', $element) : $element;
    }

    /** Replaces invalid UTF-8 by U+FFFD: raw records can hold any bytes. */
    public static function text(string $text): string
    {
        return json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
    }
}
