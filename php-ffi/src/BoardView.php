<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A board's file for a program with a schema of its own; the board can have an earlier or a later
 * version of it (docs/evolution.md).
 *
 * @internal
 */
final class BoardView
{
    /** @var list<array<string, int|string>> The schema's fields as those of pegel_field. */
    public readonly array $rows;

    /** Bytes that the board's records and the schema's have in common; null: all. */
    private ?int $common = null;

    /** The number of optional fields that both have. */
    private int $commonOptional = 0;

    /** A record of the fields that the board lacks. */
    private string $rest = '';

    /** @var list<bool> For each optional one of them, whether it is known. */
    private array $present = [];

    /** @param Schema $schema of the records that the program reads */
    public function __construct(private readonly BoardFile $file, public readonly Schema $schema)
    {
        $this->rows = array_map(
            fn (Field $field): array => $field->row(),
            array_values($schema->fields)
        );
        $this->compare($file->schema(), $schema);
    }

    private function compare(Schema $own, Schema $wanted): void
    {
        [$ours, $theirs] = [array_values($own->fields), array_values($wanted->fields)];
        $both = min(count($ours), count($theirs));
        for ($index = 0; $index < $both; $index++) {
            if (!self::isSame($ours[$index], $theirs[$index])) {
                $found = self::describe($ours[$index]);
                throw $this->hasAnother("$found instead of " . self::describe($theirs[$index]));
            }
        }
        if (count($ours) === count($theirs)) {
            return;
        }
        $missing = array_slice($wanted->fields, $both);
        $lacking = array_filter($missing, fn (Field $field): bool => !$field->mayBeMissing());
        if ($lacking !== []) {
            $names = implode(', ', array_keys($lacking));
            throw $this->hasAnother(
                "it lacks $names: records lack $names. Make each new field optional, or give it a "
                . 'default.'
            );
        }
        $last = $theirs[$both - 1];
        $this->common = $last->offset + $last->size * $last->count;
        $isOptional = fn (Field $field): bool => $field->optional;
        $this->commonOptional = count(array_filter(array_slice($theirs, 0, $both), $isOptional));
        $encoder = new Encoder($missing, $wanted->recordSize);
        [$this->rest, $present] = $encoder->encode([], $this->file->board);
        $word = Word::of($present);
        foreach (array_keys(array_filter(array_values($missing), $isOptional)) as $bit => $_) {
            $this->present[] = Word::has($word, $bit);
        }
    }

    private static function isSame(Field $one, Field $other): bool
    {
        // Documents of another capacity are versions of each other.
        [$ours, $theirs] = $one->type->isDocument() ? [1, 1] : [$one->size, $other->size];
        return [$one->name, $one->unit, $one->type, $one->count, $one->optional, $ours]
            === [
                $other->name,
                $other->unit,
                $other->type,
                $other->count,
                $other->optional,
                $theirs,
            ];
    }

    private static function describe(Field $field): string
    {
        $type = $field->type->label() . ($field->type->size() === null ? "({$field->size})" : '');
        $count = $field->count === 1 ? '' : "[{$field->count}]";
        $unit = $field->unit === '' ? '' : " in {$field->unit}";
        $optional = $field->optional ? 'optional ' : '';
        return "$optional{$field->name} $type$count$unit at {$field->offset}";
    }

    private function hasAnother(string $difference): InvalidFields
    {
        return new InvalidFields(
            "board {$this->file->board} ({$this->file->path}) has another schema: $difference"
        );
    }

    /**
     * @return array{string, string} a record of the board as one of the schema, and the word of its
     *     known optional fields
     */
    public function convert(string $record, string $present): array
    {
        if ($this->common === null) {
            return [$record, $present];
        }
        $known = [];
        for ($bit = 0; $bit < $this->commonOptional; $bit++) {
            $known[] = Word::has($present, $bit);
        }
        return [
            substr($record, 0, $this->common) . substr($this->rest, $this->common),
            Word::ofBits([...$known, ...$this->present]),
        ];
    }
}
