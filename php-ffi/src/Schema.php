<?php

declare(strict_types=1);

namespace Pegel;

/** The fields of a board. */
final class Schema
{
    /** @var array<string, Field> The fields by name, in their order. */
    public readonly array $fields;

    /** The type of the board's documents; null when it has records of fields. */
    public readonly ?Type $document;

    private ?Encoder $encoder = null;

    /**
     * @internal Takes fields that have their offsets.
     *
     * @param list<Field> $fields
     */
    public function __construct(
        array $fields,
        /** Bytes of a record; a document's capacity. */
        public readonly int $recordSize,
        /** What the board is for; may be empty. */
        public readonly string $description = '',
    ) {
        $this->fields = array_column($fields, null, 'name');
        $this->document = $fields[0]->type->isDocument() ? $fields[0]->type : null;
    }

    /** A record of fields: `Schema::of(level: Field::f64('m'), note: Field::text(24))`. */
    public static function of(Field ...$fields): self
    {
        if (array_is_list($fields)) {
            throw new InvalidFields(
                "a schema must have at least one field, and each must have a name. "
                . "Call it like Schema::of(level: Field::f64('m'))"
            );
        }
        $named = [];
        foreach ($fields as $name => $field) {
            $named[] = $field->with(name: (string) $name);
        }
        return Loader::reading()->layout($named);
    }

    /**
     * A record of the properties of a class that have the attribute #[Field], in their order.
     *
     * @param class-string $class
     */
    public static function ofClass(string $class): self
    {
        return Loader::reading()->layout(Mapping::of($class)->fields());
    }

    /** JSON documents of at most `capacity` bytes of UTF-8; the default is a document. */
    public static function json(int $capacity, mixed $default = null): self
    {
        $text = $default === null ? null : Json::encode($default, 'of this schema');
        return Loader::reading()->layout([Field::document(Type::Json, $capacity, $text)]);
    }

    /** Documents of at most `capacity` bytes; the default is UTF-8. */
    public static function bytes(int $capacity, ?string $default = null): self
    {
        return Loader::reading()->layout([Field::document(Type::Bytes, $capacity, $default)]);
    }

    /** The same schema with a description of what the board is for. */
    public function describe(string $description): self
    {
        return new self(array_values($this->fields), $this->recordSize, $description);
    }

    /** @internal Descriptions, labels, defaults and limits as JSON; '' if there are none. */
    public function details(): string
    {
        return Details::encode($this->description, $this->fields);
    }

    /**
     * @internal The bytes of a record or of a document, and a bit for each optional field that is
     *     known.
     *
     * @return array{string, int}
     */
    public function encode(mixed $value, string $board): array
    {
        if ($this->document === Type::Json) {
            return [Json::encode($value, $board), Backend::ALL];
        }
        if ($this->document === Type::Bytes) {
            return is_string($value) ? [$value, Backend::ALL] : throw new InvalidFields(
                "board $board: a document of bytes must be a string (got "
                . '' . get_debug_type($value) . ')'
            );
        }
        if (is_object($value)) {
            $value = Mapping::of($value::class)->values($value);
        }
        if (!is_array($value)) {
            $given = get_debug_type($value);
            throw new InvalidFields(
                "board $board: a record must be an array of its fields (got $given)"
            );
        }
        $this->encoder ??= new Encoder($this->fields, $this->recordSize);
        return $this->encoder->encode($value, $board);
    }
}
