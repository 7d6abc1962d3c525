<?php

declare(strict_types=1);

namespace Pegel;

/**
 * One way to write boards. A handle is an implementation's state of an open writer, and opaque to
 * all others.
 *
 * @internal
 */
interface WriterBackend
{
    /**
     * For the readers that readerOf() returns.
     *
     * @return Backend|Library
     */
    public function reading(): object;

    /** @param array<string, bool> $flags by their names in C, without the prefix */
    public function create(
        string $board,
        Schema $schema,
        int $slots,
        int $mode,
        array $flags,
        ?float $timeout,
    ): object;

    public function open(string $board, ?float $timeout): object;

    public function close(object $writer): void;

    public function unlink(string $board): void;

    /** The reader of a writer's own board, which close() closes, too. */
    public function readerOf(object $writer): object;

    /** Each of these returns the sequence of the record. */
    public function publish(
        object $writer,
        string $record,
        int|string $present = Backend::ALL,
    ): int|string;

    public function publishIf(
        object $writer,
        int|string $expected,
        string $record,
        int|string $present,
    ): int|string;

    public function publishUnlessFull(
        object $writer,
        int|string $acknowledged,
        string $record,
        int|string $present,
    ): int|string;

    public function sync(object $writer): int|string;
}
