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
 * for serialize(), whose offsets are the constants below.
 *
 * @internal
 */
interface Backend
{
    /** Bytes of a pegel_stamp. */
    public const STAMP = 64;

    /** All bits of optional fields: all are known. */
    public const ALL = -1;

    /** Bytes of a stamp and a record; with documents, the most that there can be. */
    public const SIZE = 0;
    /** Whether the board has documents. */
    public const IS_DOCUMENT = 1;
    /** The format of unpack() for the plain fields. */
    public const FORMAT = 2;
    /**
     * The plain fields that unpack() does not finish: their names, with the numbers of their types.
     */
    public const UNFINISHED = 3;
    /** The work that is left to Decoder: an array, or null. */
    public const MORE = 4;

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema;

    public function openReader(string $board): object;

    /** A reader for a program that was made for these fields, or that does not trust the board. */
    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): object;

    public function closeReader(object $reader): void;

    public function schema(object $reader, string $board): Schema;

    /** @return array<mixed> */
    public function plan(object $reader, string $board): array;

    public function info(object $reader): Info;

    public function sequence(object $reader): int;

    public function writerAlive(object $reader): bool;

    /**
     * The newest record.
     *
     * @param array<mixed> $plan
     */
    public function read(object $reader, array $plan): string;

    /**
     * The record of a sequence.
     *
     * @param array<mixed> $plan
     */
    public function readAt(object $reader, array $plan, int $sequence): string;

    /**
     * The first record after a sequence that the ring still holds.
     *
     * @param array<mixed> $plan
     */
    public function readAfter(object $reader, array $plan, int $after): string;

    /** Returns the newest sequence once it is above the given one; null waits without end. */
    public function wait(object $reader, int $after, ?float $timeout): int;
}
