<?php

declare(strict_types=1);

namespace Pegel;

use Attribute;

/**
 * One field of a board: `count` elements (1: a plain value) of `size` bytes.
 *
 * An optional field may be unknown, which is null. The default holds until somebody publishes another value; the
 * least and the greatest value bound each element that is published by name. Label and description are for
 * people.
 *
 * As an attribute, `#[Field(unit: 'V')] public float $voltage`, it makes a property of a class the field: of the
 * property's name, unless it says another one. For Schema::ofClass() and Snapshot::to().
 */
#[Attribute(Attribute::TARGET_PROPERTY | Attribute::TARGET_PARAMETER)]
final class Field
{
    /** Bytes of a pegel_field. */
    public const BYTES = 64;

    private const MAX_U32 = 0xffffffff;

    public readonly Type $type;

    /**
     * For attributes, where the type may be left to the property's: bool; int: i64; float: f64; string: a text of so
     * many bytes. One that may be null is optional. In code, the functions below say more.
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

    /** An unsigned integer of 32 bits. */
    public static function u32(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::U32, ...get_defined_vars());
    }

    /** A signed integer of 64 bits, PHP's own. */
    public static function i64(
        string $unit = '',
        int $count = 1,
        bool $optional = false,
        int|array|null $default = null,
        int|null $min = null,
        int|null $max = null,
        string $label = '',
        string $description = '',
    ): self {
        return new self(Type::I64, ...get_defined_vars());
    }

    /** An unsigned integer of 64 bits: an int, and beyond PHP_INT_MAX a decimal string. */
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

    /** @internal Documents are made by Schema::json() and Schema::bytes(). */
    public static function document(Type $type, int $capacity, ?string $default): self
    {
        return new self($type, default: $default, size: $capacity, name: 'document');
    }

    /** Whether a record may leave it out. */
    public function mayBeMissing(): bool
    {
        return $this->optional || $this->default !== null;
    }

    /** @internal The field by its name in a schema, as the library has laid it out, or with its details. */
    public function with(mixed ...$changes): self
    {
        return new self(...array_replace(get_object_vars($this), $changes));
    }

    /** @internal The bytes of a pegel_field; the library completes and checks it. */
    public function pack(): string
    {
        return pack('a32a16L4', ...array_values($this->row()));
    }

    /**
     * @internal What a pegel_field has, by the names of its members.
     *
     * @return array{name: string, unit: string, type: int, size: int, count: int, offset: int}
     */
    public function row(): array
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
     * @param array<string, int|string> $row as row() gives it
     */
    public static function ofRow(array $row): self
    {
        $number = $row['type'] & ~Decoder::OPTIONAL;
        $type = Type::tryFrom($number) ?? throw self::unknown($row['name'], $number);
        $row['optional'] = $number !== $row['type'];
        return new self(...array_replace($row, ['type' => $type]));
    }

    /** @internal What to throw when a board has a field of a later type. */
    public static function unknown(string $name, int $type): Unsupported
    {
        return new Unsupported("field $name: no type has number $type, or a later one; update this package");
    }
}
