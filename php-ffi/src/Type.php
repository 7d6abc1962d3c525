<?php

declare(strict_types=1);

namespace Pegel;

/** The type of a field; the number is the C ABI's. */
enum Type: int
{
    case Bool = 1;
    case I8 = 2;
    case U8 = 3;
    case I16 = 4;
    case U16 = 5;
    case I32 = 6;
    case U32 = 7;
    case I64 = 8;
    case U64 = 9;
    case F32 = 10;
    case F64 = 11;
    case Text = 12;
    case Json = 13;
    case Bytes = 14;

    /** The name in schemas and messages, the same in every language, such as "f64". */
    public function label(): string
    {
        return strtolower($this->name);
    }

    /** Whether it is a document: the only field of its board, of varying length. */
    public function isDocument(): bool
    {
        return $this === self::Json || $this === self::Bytes;
    }

    /** Whether its values are int, or decimal strings beyond PHP_INT_MAX. */
    public function isInteger(): bool
    {
        return $this->value >= self::I8->value && $this->value <= self::U64->value;
    }

    /** Bytes of an element; null if the field defines them. */
    public function size(): ?int
    {
        return Decoder::SIZES[$this->value] ?? null;
    }

    /**
     * The least and the greatest value of an integer; strings if PHP's int has no room for them.
     *
     * @return array{int|string, int|string}
     */
    public function range(): array
    {
        return match ($this) {
            self::I8 => [-0x80, 0x7f],
            self::U8 => [0, 0xff],
            self::I16 => [-0x8000, 0x7fff],
            self::U16 => [0, 0xffff],
            // PHP would make a float of a literal for the least int of 32 bits.
            self::I32 => [-0x7fffffff - 1, 0x7fffffff],
            self::U32 => [0, Word::FITS ? 0xffffffff : '4294967295'],
            self::I64 => Word::FITS
                ? [PHP_INT_MIN, PHP_INT_MAX]
                : ['-9223372036854775808', '9223372036854775807'],
            self::U64 => [0, '18446744073709551615'],
            default => throw new InvalidArgument("{$this->label()} is not an integer type"),
        };
    }

    /** The format in pack() and unpack(). */
    public function format(): string
    {
        return Decoder::format($this->value);
    }
}
