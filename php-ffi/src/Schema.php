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
    private ?Decoder $decoder = null;

    /**
     * @internal Of fields that the library has laid out.
     *
     * @param list<Field> $fields
     * @param int $recordSize bytes of a record; a document's capacity
     */
    public function __construct(array $fields, public readonly int $recordSize)
    {
        $this->fields = array_column($fields, null, 'name');
        $this->document = $fields[0]->type->isDocument() ? $fields[0]->type : null;
    }

    /** A record of fields: `Schema::of(level: Field::f64('m'), note: Field::text(24))`. */
    public static function of(Field ...$fields): self
    {
        if (array_is_list($fields)) {
            throw new InvalidFields(
                "a schema's fields are named, and at least one: Schema::of(level: Field::f64('m'))"
            );
        }
        $named = [];
        foreach ($fields as $name => $field) {
            $named[] = $field->named((string) $name);
        }
        return Library::instance()->layout($named);
    }

    /** JSON documents, each at most `capacity` bytes of UTF-8. */
    public static function json(int $capacity): self
    {
        return Library::instance()->layout([Field::document(Type::Json, $capacity)]);
    }

    /** Documents of bytes, each at most `capacity`. */
    public static function bytes(int $capacity): self
    {
        return Library::instance()->layout([Field::document(Type::Bytes, $capacity)]);
    }

    /** @internal The bytes of a value: of an array of fields, or of a document. */
    public function encode(mixed $value, string $board): string
    {
        if ($this->document === Type::Json) {
            return Json::encode($value, $board);
        }
        if ($this->document === Type::Bytes) {
            return is_string($value) ? $value : throw new InvalidFields(
                "board $board holds bytes, which are a string; not " . get_debug_type($value)
            );
        }
        if (!is_array($value)) {
            $given = get_debug_type($value);
            throw new InvalidFields("board $board: a record is an array of its fields, not $given");
        }
        $this->encoder ??= new Encoder($this->fields, $this->recordSize);
        return $this->encoder->encode($value, $board);
    }

    /** @internal What encode() was given. */
    public function decode(string $bytes, string $board): mixed
    {
        if ($this->document === Type::Json) {
            return Json::decode($bytes, $board);
        }
        if ($this->document === Type::Bytes) {
            return $bytes;
        }
        $this->decoder ??= new Decoder($this->fields);
        return $this->decoder->decode($bytes);
    }
}
