<?php

declare(strict_types=1);

namespace Pegel;

/**
 * One way to read boards: Library by FFI, Files without it. Loader chooses.
 *
 * A handle is an implementation's state of an open board, and opaque to all others.
 *
 * A read returns one string: a pegel_stamp followed by the record. A plan describes how to decode
 * it, so that Snapshot needs one unpack() for all plain values. It is made once for a board: a list
 * of texts, whose offsets are the constants below, as explode() makes it faster than other formats.
 *
 * @internal
 */
interface Backend
{
    /** Bytes of a pegel_stamp. */
    public const STAMP = 64;

    /** All bits of optional fields: all are known. */
    public const ALL = -1;

    /** The version of plans: another one of this package may run in the same process. */
    public const VERSION = 'pegel-php 3';

    /** The plan's version. */
    public const PLAN = 0;
    /** Bytes of a stamp and a record; with documents, the most that there can be. */
    public const SIZE = 1;
    /** "json" or "bytes" if the board has documents. */
    public const DOCUMENT = 2;
    /** The format of unpack() for the plain fields. */
    public const FORMAT = 3;
    /** The work that is left to Decoder, by serialize(). */
    public const MORE = 4;
    /**
     * From here on, the plain fields that unpack() does not finish: each name, and the number of
     * its type.
     */
    public const UNFINISHED = 5;

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema;

    public function openReader(string $board): object;

    /** A reader for a program that was made for these fields, or that does not trust the board. */
    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): object;

    public function closeReader(object $reader): void;

    public function schema(object $reader, string $board): Schema;

    /** @return list<string> */
    public function plan(object $reader, string $board): array;

    public function info(object $reader): Info;

    public function sequence(object $reader): int|string;

    public function writerAlive(object $reader): bool;

    /**
     * The newest record.
     *
     * @param list<string> $plan
     */
    public function read(object $reader, array $plan): string;

    /**
     * The record of a sequence.
     *
     * @param list<string> $plan
     */
    public function readAt(object $reader, array $plan, int|string $sequence): string;

    /**
     * The first record after a sequence that the ring still holds.
     *
     * @param list<string> $plan
     */
    public function readAfter(object $reader, array $plan, int|string $after): string;

    /** Returns the newest sequence once it is above the given one; null waits without end. */
    public function wait(object $reader, int|string $after, ?float $timeout): int|string;
}
