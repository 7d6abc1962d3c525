<?php

declare(strict_types=1);

namespace Pegel;

use function count;
use function json_encode;
use function substr;
use function unpack;

use const JSON_THROW_ON_ERROR;

/**
 * From what was read to the document, or to the values of the fields: planned once for a reader, with one unpack()
 * for all plain values and one for each array.
 *
 * Each request that reads plans it anew. So it makes do with the bytes of the fields: an object for each of them,
 * and their classes, would take longer than all else that a page needs to read a board.
 *
 * @internal
 */
final class Decoder
{
    /** Beside the number of the type of an optional field. */
    public const OPTIONAL = 256;

    /** The letters of pack() and unpack(), at the numbers of the types. */
    public const LETTERS = '?CcCsSlLqQfdaaa';

    /** Where pegel_stamp says which optional fields are known. */
    private const PRESENT = 48;

    private const BOOL = 1;
    private const U64 = 9;
    private const TEXT = 12;
    private const JSON = 13;
    private const BYTES = 14;

    /** Whether the board has JSON documents, or documents of bytes. */
    public bool $isJson = false;
    public bool $isBytes = false;

    /** Of the plain values, up to this byte of the record. */
    private string $format = '';
    private int $end = 0;

    /** @var list<string> The plain fields that unpack() does not give as they shall be. */
    private array $bools = [];
    private array $u64s = [];
    private array $texts = [];

    /** @var array<string, array{string, int, int}> Format, offset and type of the arrays. */
    private array $arrays = [];

    /** @var array<string, int> The bits of the optional fields. */
    private array $bits = [];

    /** @var array<string, null> All fields in their order. */
    private array $order = [];

    /** Plans for the next field, with the members of its pegel_field. */
    public function add(string $name, int $type, int $size, int $count, int $offset): void
    {
        $this->order[$name] = null;
        if (($type & self::OPTIONAL) !== 0) {
            $this->bits[$name] = 1 << count($this->bits);
            $type &= ~self::OPTIONAL;
        }
        $letter = self::LETTERS[$type] ?? throw Field::unknown($name, $type);
        $element = $type === self::TEXT ? "Z$size" : $letter;
        if ($count > 1) {
            $this->arrays[$name] = [self::elements($element, $count), $offset, $type];
            return;
        }
        // To say of each where it begins would double the time of unpack().
        $this->format .= $offset === $this->end ? "$element$name/" : "@$offset/$element$name/";
        $this->end = $offset + $size;
        if ($type === self::BOOL) {
            $this->bools[] = $name;
        } elseif ($type === self::U64) {
            $this->u64s[] = $name;
        } elseif ($type === self::TEXT) {
            $this->texts[] = $name;
        } elseif ($type === self::JSON) {
            $this->isJson = true;
        } elseif ($type === self::BYTES) {
            $this->isBytes = true;
        }
    }

    private static function elements(string $element, int $count): string
    {
        return $element[0] === 'Z'
            ? implode('/', array_map(fn (int $index): string => "{$element}_$index", range(0, $count - 1)))
            : $element . $count;
    }

    /** The document, or the fields, of what Library read. */
    public function decode(string $publication, string $board): mixed
    {
        if ($this->isJson) {
            return Json::decode(substr($publication, Library::STAMP), $board);
        }
        if ($this->isBytes) {
            return substr($publication, Library::STAMP);
        }
        $values = unpack($this->format, $publication, Library::STAMP);
        foreach ($this->bools as $name) {
            $values[$name] = $values[$name] !== 0;
        }
        foreach ($this->u64s as $name) {
            if ($values[$name] < 0) {
                $values[$name] = self::unsigned($values[$name]);
            }
        }
        try {
            // Whoever publishes raw records may publish anything: what is no UTF-8 would do this to json_encode().
            foreach ($this->texts as $name) {
                json_encode($values[$name], JSON_THROW_ON_ERROR);
            }
        } catch (\JsonException) {
            foreach ($this->texts as $name) {
                $values[$name] = self::text($values[$name]);
            }
        }
        return $this->arrays === [] && $this->bits === [] ? $values : $this->withTheRest($values, $publication);
    }

    /**
     * Arrays, and null for what is unknown.
     *
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    private function withTheRest(array $values, string $publication): array
    {
        $values = array_replace($this->order, $values);
        foreach ($this->arrays as $name => [$format, $offset, $type]) {
            $elements = array_values(unpack($format, $publication, Library::STAMP + $offset));
            $values[$name] = match ($type) {
                self::BOOL => array_map(fn (int $element): bool => $element !== 0, $elements),
                self::U64 => array_map(self::unsigned(...), $elements),
                self::TEXT => array_map(self::text(...), $elements),
                default => $elements,
            };
        }
        $present = unpack('q', $publication, self::PRESENT)[1];
        foreach ($this->bits as $name => $bit) {
            if (($present & $bit) === 0) {
                $values[$name] = null;
            }
        }
        return $values;
    }

    /** PHP's own integers end at PHP_INT_MAX. */
    private static function unsigned(int $number): int|string
    {
        return $number < 0 ? sprintf('%u', $number) : $number;
    }

    private static function text(string $text): string
    {
        return json_decode(json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE));
    }
}
