<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A record as it was read, and what is known of its publication. It never changes.
 *
 * @property-read \DateTimeImmutable $publishedAt When it was published, in PHP's time zone.
 * @property-read bool $writerAlive Whether the board has a writer; asked at the first look.
 * @property-read mixed $document The JSON document with objects as arrays, or the bytes; of fields, their array.
 * @implements \ArrayAccess<string, mixed>
 * @implements \IteratorAggregate<string, mixed>
 */
final class Snapshot implements \ArrayAccess, \IteratorAggregate, \Countable, \JsonSerializable
{
    /** How old it was when it was read, in seconds; time in suspend counts. */
    public readonly float $age;

    /** Whether nobody published this: a new board's defaults. */
    public readonly bool $isDefault;

    private bool $isDecoded = false;
    private mixed $document = null;
    private ?bool $writerAlive = null;

    /** @internal */
    public function __construct(
        private readonly Reader $reader,
        private readonly Schema $schema,
        /** The record as it was published. */
        public readonly string $bytes,
        /** The publication's number, from 1. */
        public readonly int $sequence,
        /** How many writers had taken the board by then. */
        public readonly int $generation,
        private readonly int $publishedNs,
        int $ageNs,
        private readonly int $present,
        /** Publications before this one that were asked for, and that the ring no longer held. */
        public readonly int $missed = 0,
    ) {
        $this->age = $ageNs / 1e9;
        $this->isDefault = $generation === 0;
    }

    public function __get(string $name): mixed
    {
        return match ($name) {
            'publishedAt' => $this->publishedAt(),
            'writerAlive' => $this->writerAlive ??= $this->reader->writerAlive(),
            'document' => $this->document(),
            default => throw new InvalidArgument("a snapshot has no property $name"),
        };
    }

    public function __isset(string $name): bool
    {
        return in_array($name, ['publishedAt', 'writerAlive', 'document'], true);
    }

    public function __set(string $name, mixed $value): void
    {
        $this->refuseChange();
    }

    /** @return array<mixed> */
    public function toArray(): array
    {
        $document = $this->document();
        return is_array($document) ? $document : throw new InvalidArgument(
            "board {$this->reader->board} holds no array here, but " . get_debug_type($document) . '; see ->document'
        );
    }

    public function offsetExists(mixed $offset): bool
    {
        $document = $this->document();
        return is_array($document) && isset($document[$offset]);
    }

    public function offsetGet(mixed $offset): mixed
    {
        $values = $this->toArray();
        if (!array_key_exists($offset, $values)) {
            $known = $this->schema->document === null ? '; it has ' . implode(', ', array_keys($values)) : '';
            throw new NotFound("board {$this->reader->board} has no field $offset$known");
        }
        return $values[$offset];
    }

    public function offsetSet(mixed $offset, mixed $value): never
    {
        $this->refuseChange();
    }

    public function offsetUnset(mixed $offset): never
    {
        $this->refuseChange();
    }

    public function getIterator(): \ArrayIterator
    {
        return new \ArrayIterator($this->toArray());
    }

    public function count(): int
    {
        return count($this->toArray());
    }

    /** The fields, with null for what JSON cannot say of a float; or the document; bytes as base64. */
    public function jsonSerialize(): mixed
    {
        if ($this->schema->document === Type::Json) {
            return Json::decode($this->bytes, $this->reader->board, asArrays: false);
        }
        if ($this->schema->document === Type::Bytes) {
            return base64_encode($this->bytes);
        }
        $values = $this->toArray();
        array_walk_recursive($values, function (mixed &$value): void {
            $value = is_float($value) && !is_finite($value) ? null : $value;
        });
        return $values;
    }

    private function document(): mixed
    {
        if (!$this->isDecoded) {
            $this->document = $this->schema->decode($this->bytes, $this->present, $this->reader->board);
            $this->isDecoded = true;
        }
        return $this->document;
    }

    private function publishedAt(): \DateTimeImmutable
    {
        // Rounds down, before 1970 too.
        $microseconds = (int) floor($this->publishedNs / 1000);
        $fraction = ($microseconds % 1000000 + 1000000) % 1000000;
        $text = sprintf('%d.%06d', intdiv($microseconds - $fraction, 1000000), $fraction);
        return \DateTimeImmutable::createFromFormat('U.u', $text)
            ->setTimezone(new \DateTimeZone(date_default_timezone_get()));
    }

    private function refuseChange(): never
    {
        throw new InvalidArgument("board {$this->reader->board}: a snapshot cannot be changed; publish with a Writer");
    }
}
