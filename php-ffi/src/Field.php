<?php

declare(strict_types=1);

namespace Pegel;

/** One field of a board: `count` elements (1: a plain value) of `size` bytes. */
final class Field
{
    /** Bytes of a pegel_field. */
    public const BYTES = 64;

    private const MAX_U32 = 0xffffffff;

    private function __construct(
        public readonly string $name,
        public readonly Type $type,
        public readonly string $unit,
        public readonly int $size,
        public readonly int $count,
        public readonly int $offset,
    ) {
    }

    /** true or false. */
    public static function bool(string $unit = '', int $count = 1): self
    {
        return self::number(Type::Bool, $unit, $count);
    }

    /** A signed integer of 8 bits. */
    public static function i8(string $unit = '', int $count = 1): self
    {
        return self::number(Type::I8, $unit, $count);
    }

    /** An unsigned integer of 8 bits. */
    public static function u8(string $unit = '', int $count = 1): self
    {
        return self::number(Type::U8, $unit, $count);
    }

    /** A signed integer of 16 bits. */
    public static function i16(string $unit = '', int $count = 1): self
    {
        return self::number(Type::I16, $unit, $count);
    }

    /** An unsigned integer of 16 bits. */
    public static function u16(string $unit = '', int $count = 1): self
    {
        return self::number(Type::U16, $unit, $count);
    }

    /** A signed integer of 32 bits. */
    public static function i32(string $unit = '', int $count = 1): self
    {
        return self::number(Type::I32, $unit, $count);
    }

    /** An unsigned integer of 32 bits. */
    public static function u32(string $unit = '', int $count = 1): self
    {
        return self::number(Type::U32, $unit, $count);
    }

    /** A signed integer of 64 bits, PHP's own. */
    public static function i64(string $unit = '', int $count = 1): self
    {
        return self::number(Type::I64, $unit, $count);
    }

    /** An unsigned integer of 64 bits: an int, and beyond PHP_INT_MAX a decimal string. */
    public static function u64(string $unit = '', int $count = 1): self
    {
        return self::number(Type::U64, $unit, $count);
    }

    /** A float of 32 bits. */
    public static function f32(string $unit = '', int $count = 1): self
    {
        return self::number(Type::F32, $unit, $count);
    }

    /** A float of 64 bits, PHP's own. */
    public static function f64(string $unit = '', int $count = 1): self
    {
        return self::number(Type::F64, $unit, $count);
    }

    /** A text of at most `size` bytes of UTF-8. */
    public static function text(int $size, string $unit = '', int $count = 1): self
    {
        return new self('', Type::Text, $unit, $size, $count, 0);
    }

    /** @internal Documents are made by Schema::json() and Schema::bytes(). */
    public static function document(Type $type, int $capacity): self
    {
        return new self('document', $type, '', $capacity, 1, 0);
    }

    private static function number(Type $type, string $unit, int $count): self
    {
        return new self('', $type, $unit, 0, $count, 0);
    }

    /** @internal The field by its name in a schema. */
    public function named(string $name): self
    {
        return new self($name, $this->type, $this->unit, $this->size, $this->count, $this->offset);
    }

    /** @internal The bytes of a pegel_field; the library completes and checks it. */
    public function pack(): string
    {
        foreach ([['name', $this->name, 31], ['unit', $this->unit, 15]] as [$what, $text, $room]) {
            if (strlen($text) > $room || str_contains($text, "\0")) {
                $given = strlen($text);
                throw new InvalidFields(
                    "field {$this->name}: its $what has $given bytes; $room without NUL are the most"
                );
            }
        }
        // The library takes a count of 0 for one that was left out.
        foreach (['size' => [$this->size, 0], 'count' => [$this->count, 1]] as $what => [$number, $least]) {
            if ($number < $least || $number > self::MAX_U32) {
                throw new InvalidFields("field {$this->name}: $number is no $what");
            }
        }
        $numbers = [$this->type->value, $this->size, $this->count, $this->offset];
        return pack('a32a16L4', $this->name, $this->unit, ...$numbers);
    }

    /** @internal The field of the bytes of a pegel_field. */
    public static function unpack(string $bytes): self
    {
        $read = unpack('Z32name/Z16unit/Ltype/Lsize/Lcount/Loffset', $bytes);
        $type = Type::tryFrom($read['type'])
            ?? throw new Unsupported("field {$read['name']}: this package knows no type {$read['type']}; update it");
        return new self($read['name'], $type, $read['unit'], $read['size'], $read['count'], $read['offset']);
    }
}
