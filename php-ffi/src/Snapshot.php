<?php

declare(strict_types=1);

namespace Pegel;

use function is_array;
use function json_encode;
use function substr;
use function unpack;

/**
 * A record as it was read, and what is known of its publication. It never changes.
 *
 * @property-read string $bytes The record as it was published.
 * @property-read int $sequence The publication's number, from 1.
 * @property-read int $generation How many writers had taken the board by then.
 * @property-read float $age How old it was when it was read, in seconds; time in suspend counts. INF: nobody knows.
 * @property-read bool $isDefault Whether nobody published this: a new board's defaults.
 * @property-read int $missed Publications before this one that were asked for, and that the ring no longer held.
 * @property-read ?\DateTimeImmutable $publishedAt When it was published, in PHP's time zone; null: nobody knows.
 * @property-read bool $writerAlive Whether the board has a writer; asked at the first look.
 * @property-read mixed $document The JSON document with objects as arrays, or the bytes; of fields, their array.
 * @implements \ArrayAccess<string, mixed>
 * @implements \IteratorAggregate<string, mixed>
 */
final class Snapshot implements \ArrayAccess, \IteratorAggregate, \Countable, \JsonSerializable
{
    /** Where the members of a pegel_stamp are: whole words, each. */
    private const SEQUENCE = 16;
    private const GENERATION = 24;
    private const PUBLISHED_NS = 32;
    private const AGE_NS = 40;
    private const MISSED = 56;
    /** The record stands behind. */
    private const RECORD = 64;

    /** Numbers of types: to load those of Type takes a page as long as to read. */
    private const BOOL = 1;
    private const U64 = 9;

    private const PROPERTIES = [
        'bytes', 'sequence', 'generation', 'age', 'isDefault', 'missed', 'publishedAt', 'writerAlive', 'document',
    ];

    // PHP checks the types of arguments in half the time that it takes for those of properties.

    /** @var Reader */
    private $reader;
    /** @var array<mixed> */
    private $plan;
    /** @var string The stamp, and behind it the record. */
    private $publication;

    private mixed $document = null;
    private ?bool $writerAlive = null;

    /** @internal Most are asked for few of their properties: each is worked out at the first look. */
    public function __construct(Reader $reader, array $plan, string $publication)
    {
        $this->reader = $reader;
        $this->plan = $plan;
        $this->publication = $publication;
    }

    public function __get(string $name): mixed
    {
        return match ($name) {
            'bytes' => substr($this->publication, self::RECORD),
            'sequence' => $this->stamped(self::SEQUENCE),
            'generation' => $this->stamped(self::GENERATION),
            'age' => $this->age(),
            'isDefault' => $this->stamped(self::GENERATION) === 0,
            'missed' => $this->stamped(self::MISSED),
            'publishedAt' => $this->publishedAt(),
            'writerAlive' => $this->writerAlive ??= $this->reader->writerAlive(),
            'document' => $this->document(),
            default => throw new InvalidArgument("a snapshot has no property $name"),
        };
    }

    /** Whether it was older than so many seconds when it was read, or nobody knows how old it was. */
    public function isStale(float $seconds): bool
    {
        return $this->age() > $seconds;
    }

    public function __isset(string $name): bool
    {
        return in_array($name, self::PROPERTIES, true);
    }

    public function __set(string $name, mixed $value): void
    {
        $this->refuseChange();
    }

    private function stamped(int $offset): int
    {
        return unpack('q', $this->publication, $offset)[1];
    }

    /** @return array<mixed> */
    public function toArray(): array
    {
        $document = $this->document ??= $this->decode();
        return is_array($document) ? $document : throw new InvalidArgument(
            "board {$this->reader->board} holds no array here, but " . get_debug_type($document) . '; see ->document'
        );
    }

    /**
     * The record as an object of a class whose properties say by #[Field] which fields they are; InvalidFields if the
     * board lacks one, has it in another unit, or has a value that the property does not take.
     *
     * @template T of object
     * @param class-string<T> $class
     * @return T
     */
    public function to(string $class): object
    {
        return $this->reader->mapping($class)->make($this->toArray(), $this->reader->board);
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
            $isRecord = ($this->plan[Backend::MORE]['document'] ?? null) === null;
            $known = $isRecord ? '; it has ' . implode(', ', array_keys($values)) : '';
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
        $document = $this->plan[Backend::MORE]['document'] ?? null;
        if ($document === 'json') {
            return Json::decode($this->bytes, $this->reader->board, asArrays: false);
        }
        if ($document === 'bytes') {
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
        return $this->document ??= $this->decode();
    }

    /** As Decoder planned it; all that most boards have is here. */
    private function decode(): mixed
    {
        // In the order of Backend's offsets: to look each of them up takes too long here.
        [, $isDocument, $format, $unfinished, $more] = $this->plan;
        if ($isDocument) {
            return Decoder::document($more, $this->publication, $this->reader->board);
        }
        $values = unpack($format, $this->publication, self::RECORD);
        foreach ($unfinished as $name => $type) {
            $value = $values[$name];
            if ($type === self::BOOL) {
                $values[$name] = $value !== 0;
            } elseif ($type === self::U64) {
                if ($value < 0) {
                    $values[$name] = Decoder::unsigned($value);
                }
            } elseif (json_encode($value) === false) {
                // A text; nothing else looks in so little time whether it is UTF-8.
                $values[$name] = Decoder::text($value);
            }
        }
        return $more === null ? $values : Decoder::complete($more, $values, $this->publication);
    }

    private function age(): float
    {
        $nanoseconds = $this->stamped(self::AGE_NS);
        return $nanoseconds === PHP_INT_MAX ? INF : $nanoseconds / 1e9;
    }

    private function publishedAt(): ?\DateTimeImmutable
    {
        // Its writer leaves out the times.
        if ($this->age() === INF) {
            return null;
        }
        // Rounds down, before 1970 too.
        $microseconds = (int) floor($this->stamped(self::PUBLISHED_NS) / 1000);
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
