<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Publishes to a board, and holds the board's writer lock until it is closed or its request ends in
 * any way.
 *
 * After a fork, the child must not publish with the parent's writer.
 */
final class Writer
{
    private readonly Reader $reader;

    /** The extension's, which publishes plain values by itself. */
    private readonly ?object $native;

    /** @param object|null $handle the backend's; null: the writer is closed */
    private function __construct(
        /** The board as given: NAME or DIRECTORY/NAME. */
        public readonly string $board,
        private readonly WriterBackend $backend,
        private ?object $handle,
    ) {
        $this->reader = Reader::ofWriter($board, $backend->reading(), $backend->readerOf($handle));
        $this->native = $handle instanceof NativeWriter ? $handle : null;
    }

    /**
     * Creates a board, or opens an existing one that has the same schema and keeps its records. A
     * board that lacks the last fields gets them, if they are optional or have defaults.
     *
     * Throws Locked if another writer does not release the board within `timeout` seconds (null
     * waits without end), and InvalidFields if the board has another schema, unless `replace` is
     * set: its readers then find it gone.
     *
     * With 0, `slots` and `mode` (0640) are chosen for a new board and kept for an old one. With
     * `checksum`, each record has a checksum, which all readers verify (Corrupt); an old board
     * without checksums must be replaced. A `durable` board is restored after a reboot with the
     * record that sync() wrote to its durable file.
     */
    public static function create(
        string $board,
        Schema $schema,
        int $slots = 0,
        int $mode = 0,
        bool $replace = false,
        ?float $timeout = 1.0,
        bool $checksum = false,
        bool $durable = false,
    ): self {
        $backend = Loader::writing();
        $flags = ['REPLACE' => $replace, 'CHECKSUM' => $checksum, 'DURABLE' => $durable];
        $handle = $backend->create($board, $schema, $slots, $mode, $flags, $timeout);
        return new self($board, $backend, $handle);
    }

    /**
     * Opens an existing board, for boards that several writers share.
     *
     * Throws Locked if another writer does not release the board within `timeout` seconds; null
     * waits without end. An absent board is restored from its durable file, if it has one.
     */
    public static function open(string $board, ?float $timeout = 1.0): self
    {
        $backend = Loader::writing();
        return new self($board, $backend, $backend->open($board, $timeout));
    }

    /** Removes a board that has no writer. Its readers find it gone. */
    public static function unlink(string $board): void
    {
        Loader::writing()->unlink($board);
    }

    /** The board's fields. */
    public function schema(): Schema
    {
        return $this->reader->schema();
    }

    /** The newest sequence; 0 before the first record. */
    public function sequence(): int|string
    {
        return $this->reader->sequence();
    }

    /** The newest record. */
    public function read(): Snapshot
    {
        return $this->reader->read();
    }

    /**
     * Publishes all fields by name, or an array of them, or an object whose properties have the
     * attribute #[Field], or a document. Returns the sequence. A field that is left out has its
     * default, or is unknown if it is optional.
     */
    public function publish(mixed ...$values): int|string
    {
        return $this->native?->publishValues($values)
            ?? $this->backend->publish($this->handle(), ...$this->encode($values));
    }

    /** Publishes if `expected` is still the newest sequence (0: none yet); else throws Conflict. */
    public function publishIf(int|string $expected, mixed ...$values): int|string
    {
        return $this->backend->publishIf(
            $this->handle(),
            Argument::sequence($expected, $this->board),
            ...$this->encode($values)
        );
    }

    /**
     * Publishes if the ring then still holds all records after `acknowledged`, the last one that is
     * done; else throws Full. Give fields that are called `expected` or `acknowledged` in an array.
     */
    public function publishUnlessFull(int|string $acknowledged, mixed ...$values): int|string
    {
        return $this->backend->publishUnlessFull(
            $this->handle(),
            Argument::sequence($acknowledged, $this->board),
            ...$this->encode($values)
        );
    }

    /** Publishes the bytes of a record or of a document, unchecked. */
    public function publishBytes(string $record): int|string
    {
        return $this->backend->publish($this->handle(), $record);
    }

    /**
     * Reads, changes and publishes; no other writer can publish in between. `change` takes the
     * array of the fields, or the document, and returns the new one.
     */
    public function update(callable $change): int|string
    {
        $now = $this->read();
        $record = $this->schema()->encode($change($now->document), $this->board);
        return $this->backend->publishIf($this->handle(), $now->sequence, ...$record);
    }

    /**
     * Writes the newest record to the board's durable file, and returns its sequence. When this
     * returns, the record is on disk, and a reboot restores it.
     */
    public function sync(): int|string
    {
        return $this->backend->sync($this->handle());
    }

    /** Releases the board. The board and its records stay. */
    public function close(): void
    {
        if ($this->handle !== null) {
            $this->reader->close();
            $this->backend->close($this->handle);
            $this->handle = null;
        }
    }

    public function __destruct()
    {
        $this->close();
    }

    private function handle(): object
    {
        return $this->handle
            ?? throw new InvalidArgument(
                "board {$this->board}: the writer is closed. Open another"
            );
    }

    /**
     * @param array<mixed> $values
     * @return array{string, int}
     */
    private function encode(array $values): array
    {
        $isWhole = array_key_exists(0, $values);
        if (count($values) === 0 || ($isWhole && count($values) > 1)) {
            throw new InvalidArgument(
                "board {$this->board}: publish one record at a time: its fields by name, an array "
                . 'or object of them, '
                . 'or a document'
            );
        }
        return $this->schema()->encode($isWhole ? $values[0] : $values, $this->board);
    }
}
