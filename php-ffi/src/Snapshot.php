<?php

declare(strict_types=1);

namespace Pegel;

use function is_array;
use function is_string;
use function json_encode;
use function substr;
use function unpack;

/**
 * A record as it was read, with its stamp. It never changes.
 *
 * @property-read string $bytes The bytes of the record or document, as published.
 * @property-read int|string $sequence The record's number, from 1.
 * @property-read int|string $generation How many writers had opened the board by then.
 * @property-read float $age The age in seconds at the read, time in suspend included; INF if
 *     unknown.
 * @property-read bool $isDefault Whether it is a new board's defaults, which no program published.
 * @property-read int|string $missed Records before this one that were wanted, but no longer in the
 *     ring.
 * @property-read ?\DateTimeImmutable $publishedAt The time of publication, in PHP's time zone; null
 *     if unknown.
 * @property-read bool $writerAlive Whether the board has a writer, as of the first access.
 * @property-read mixed $document The JSON document with objects as arrays, the bytes, or the array
 *     of the fields.
 * @implements \ArrayAccess<string, mixed>
 * @implements \IteratorAggregate<string, mixed>
 */
final class Snapshot implements \ArrayAccess, \IteratorAggregate, \Countable, \JsonSerializable
{
    /** Offsets of the members of a pegel_stamp, each a whole word. */
    private const SEQUENCE = 16;
    private const GENERATION = 24;
    private const PUBLISHED_NS = 32;
    private const AGE_NS = 40;
    private const MISSED = 56;
    /** The age of records without one: the greatest of 64 bits. */
    private const UNKNOWN = '9223372036854775807';
    /** The offset of the record. */
    private const RECORD = 64;
    /** Backend::UNFINISHED. */
    private const UNFINISHED = 5;

    /** Numbers of types as plans have them. */
    private const BOOL = '1';
    private const TEXT = '12';

    private const PROPERTIES = [
        'bytes', 'sequence', 'generation', 'age', 'isDefault', 'missed', 'publishedAt',
        'writerAlive', 'document',
    ];

    // Properties without types: PHP checks those of arguments in half the time.

    /** @var Reader */
    private $reader;
    /** @var list<string> */
    private $plan;
    /** @var string The stamp, followed by the record. */
    private $publication;

    private mixed $document = null;
    private ?bool $writerAlive = null;

    /** @internal Programs use few of the properties: each is decoded at the first access. */
    public function __construct($reader, $plan, $publication)
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

    /** Whether its age at the read was above so many seconds, or is unknown. */
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

    private function stamped(int $offset): int|string
    {
        return PHP_INT_SIZE === 8
            ? unpack('q', $this->publication, $offset)[1]
            : Word::at($this->publication, $offset, true);
    }

    /** @return array<mixed> */
    public function toArray(): array
    {
        // In the order of Backend's offsets; to look up each of them would take too long here.
        $plan = $this->plan;
        [, , $document, $format, $more] = $plan;
        if ($document !== '') {
            return $this->documentAsArray();
        }
        if ($this->document === null) {
            $values = unpack($format, $this->publication, self::RECORD);
            for ($at = self::UNFINISHED; isset($plan[$at]); $at += 2) {
                $name = $plan[$at];
                $value = $values[$name];
                $type = $plan[$at + 1];
                if ($type === self::BOOL) {
                    $values[$name] = $value !== 0;
                } elseif ($type === self::TEXT) {
                    // This is the fastest check of UTF-8.
                    if (json_encode($value) === false) {
                        $values[$name] = Decoder::text($value);
                    }
                } elseif (is_string($value) || $value < 0) {
                    $values[$name] = Decoder::integer((int) $type, $value);
                }
            }
            $this->document = $more === ''
                ? $values
                : Decoder::complete($more, $values, $this->publication);
        }
        return $this->document;
    }

    /** @return array<mixed> */
    private function documentAsArray(): array
    {
        $document = $this->document();
        return is_array($document) ? $document : throw new InvalidArgument(
            "board {$this->reader->board}: the document is not an array (got "
            . '' . get_debug_type($document)
                . '). Use ->document'
        );
    }

    /**
     * The record as an object of a class whose properties have the attribute #[Field].
     * InvalidFields if the board lacks a field, has it in another unit, or has a value that the
     * property does not accept.
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
            $isRecord = $this->plan[Backend::DOCUMENT] === '';
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

    /**
     * The fields, with null for floats that JSON cannot express; or the document; bytes as base64.
     */
    public function jsonSerialize(): mixed
    {
        $document = $this->plan[Backend::DOCUMENT];
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
        return $this->document ??= match ($this->plan[Backend::DOCUMENT]) {
            'json' => Json::decode($this->bytes, $this->reader->board),
            'bytes' => $this->bytes,
            default => $this->toArray(),
        };
    }

    private function age(): float
    {
        $nanoseconds = $this->stamped(self::AGE_NS);
        return (string) $nanoseconds === self::UNKNOWN ? INF : $nanoseconds / 1e9;
    }

    private function publishedAt(): ?\DateTimeImmutable
    {
        // The writer does not stamp its records.
        if ($this->age() === INF) {
            return null;
        }
        // Rounds down, before 1970 too.
        $microseconds = floor($this->stamped(self::PUBLISHED_NS) / 1000);
        $seconds = floor($microseconds / 1e6);
        $text = sprintf('%.0f.%06.0f', $seconds, $microseconds - $seconds * 1e6);
        return \DateTimeImmutable::createFromFormat('U.u', $text)
            ->setTimezone(new \DateTimeZone(date_default_timezone_get()));
    }

    private function refuseChange(): never
    {
        throw new InvalidArgument(
            "board {$this->reader->board}: a snapshot cannot be changed. Publish with a Writer"
        );
    }
}
