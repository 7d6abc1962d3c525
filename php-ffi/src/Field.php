<?php

declare(strict_types=1);

namespace Pegel;

use Attribute;

/**
 * One field of a board: `count` elements (1: a plain value) of `size` bytes.
 *
 * An optional field can be unknown, which is null. A field has its default until another value is
 * published. Limits bound each element that is published by name. Label and description are for
 * people.
 *
 * As an attribute, `#[Field(unit: 'V')] public float $voltage`, it makes a property of a class the
 * field, for Schema::ofClass() and Snapshot::to(). The field has the property's name, unless the
 * attribute has another one.
 */
#[Attribute(Attribute::TARGET_PROPERTY | Attribute::TARGET_PARAMETER)]
final class Field
{
    /** Bytes of a pegel_field. */
    public const BYTES = 64;

    private const MAX_U32 = 0xffffffff;

    public readonly Type $type;

    /**
     * For attributes. Without a type, the property's type decides: bool is bool, int is i64, float
     * is f64, and string is a text of `size` bytes. A property that can be null is optional. In
     * code, use the functions below.
     */
    public function __construct(
        ?Type $type = null,
        public readonly string $unit = '',
        public readonly int $count = 1,
        public readonly bool $optional = false,
        public readonly mixed $default = null,
        public readonly int|float|string|null $min = null,
        public readonly int|float|string|null $max = null,
        public readonly string $label = '',
        public readonly string $description = '',
        public readonly int $size = 0,
        public readonly string $name = '',
        public readonly int $offset = 0,
    ) {
        $this->type = $type ?? Type::F64;
    }

    /** true or false. */
    public static function bool(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        bool|array|null $default = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::Bool, ...get_defined_vars());
    }

    /** A signed integer of 8 bits. */
    public static function i8(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::I8, ...get_defined_vars());
    }

    /** An unsigned integer of 8 bits. */
    public static function u8(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::U8, ...get_defined_vars());
    }

    /** A signed integer of 16 bits. */
    public static function i16(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::I16, ...get_defined_vars());
    }

    /** An unsigned integer of 16 bits. */
    public static function u16(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::U16, ...get_defined_vars());
    }

    /** A signed integer of 32 bits. */
    public static function i32(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::I32, ...get_defined_vars());
    }

    /** An unsigned integer of 32 bits: an int, or a decimal string beyond PHP_INT_MAX. */
    public static function u32(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|string|array|null $default = null,
        int|string|null $min = null,
        int|string|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::U32, ...get_defined_vars());
    }

    /** A signed integer of 64 bits: an int, or a decimal string where int has only 32. */
    public static function i64(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|string|array|null $default = null,
        int|string|null $min = null,
        int|string|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::I64, ...get_defined_vars());
    }

    /** An unsigned integer of 64 bits: an int, or a decimal string beyond PHP_INT_MAX. */
    public static function u64(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|string|array|null $default = null,
        int|string|null $min = null,
        int|string|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::U64, ...get_defined_vars());
    }

    /** A float of 32 bits. */
    public static function f32(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|float|array|null $default = null,
        int|float|null $min = null,
        int|float|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::F32, ...get_defined_vars());
    }

    /** A float of 64 bits, PHP's own. */
    public static function f64(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|float|array|null $default = null,
        int|float|null $min = null,
        int|float|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::F64, ...get_defined_vars());
    }

    /** A text of at most `size` bytes of UTF-8. */
    public static function text(
        int $size,
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        string|array|null $default = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::Text, ...get_defined_vars());
    }

    /** @internal Schema::json() and Schema::bytes() are for programs. */
    public static function document(Type $type, int $capacity, ?string $default): self
    {
        return new self($type, default: $default, size: $capacity, name: 'document');
    }

    /** Whether a record may omit it. */
    public function mayBeMissing(): bool
    {
        return $this->optional || $this->default !== null;
    }

    /** @internal The field with other properties. */
    public function with(mixed ...$changes): self
    {
        return new self(...array_replace(get_object_vars($this), $changes));
    }

    /** @internal The bytes of a pegel_field; the library completes and checks them. */
    public function pack(): string
    {
        return pack('a32a16L4', ...array_values($this->row()));
    }

    /**
     * @internal The members of a pegel_field, by name.
     *
     * @return array{name: string, unit: string, type: int, size: int, count: int, offset: int}
     */
    public function row(): array
    {
        foreach ([['name', $this->name, 31], ['unit', $this->unit, 15]] as [$what, $text, $room]) {
            if (strlen($text) > $room || str_contains($text, "\0")) {
                $given = strlen($text);
                throw new InvalidFields(
                    "field {$this->name}: the $what must have at most $room bytes, without NUL "
                    . "(got $given bytes)"
                );
            }
        }
        // The library replaces a count of 0 by 1.
        $sizes = ['size' => [$this->size, 0], 'count' => [$this->count, 1]];
        foreach ($sizes as $what => [$number, $least]) {
            if ($number < $least || $number > self::MAX_U32) {
                throw new InvalidFields(
                    "field {$this->name}: the $what must be between $least and 4294967295 (got "
                    . "$number)"
                );
            }
        }
        return [
            'name' => $this->name,
            'unit' => $this->unit,
            'type' => $this->type->value | ($this->optional ? Decoder::OPTIONAL : 0),
            'size' => $this->size,
            'count' => $this->count,
            'offset' => $this->offset,
        ];
    }

    /** @internal The field of the bytes of a pegel_field. */
    public static function unpack(string $bytes): self
    {
        return self::ofRow(unpack('Z32name/Z16unit/Ltype/Lsize/Lcount/Loffset', $bytes));
    }

    /**
     * @internal
     * @param array<string, int|string> $row as row() returns it
     */
    public static function ofRow(array $row): self
    {
        $number = $row['type'] & ~Decoder::OPTIONAL;
        $type = Type::tryFrom($number) ?? throw self::unknown($row['name'], $number);
        $row['optional'] = $number !== $row['type'];
        return new self(...array_replace($row, ['type' => $type]));
    }

    /** @internal What to throw if a board has a field of a later type. */
    public static function unknown(string $name, int $type): Unsupported
    {
        return new Unsupported("field $name: no type has number $type. Update this package");
    }
}
