<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Publishes to a board, and holds it until it is closed, or its request ends in any way.
 *
 * A process that forks must not publish in the child with the parent's writer.
 */
final class Writer
{
    private readonly Reader $reader;

    /** @param object|null $handle the backend's; null: the writer is closed */
    private function __construct(
        /** The board as it was asked for: NAME or DIRECTORY/NAME. */
        public readonly string $board,
        private readonly WriterBackend $backend,
        private ?object $handle,
    ) {
        $this->reader = Reader::ofWriter($board, $backend->reading(), $backend->readerOf($handle));
    }

    /**
     * Creates a board, or takes over one that has the same schema; its records stay. A board that lacks fields
     * which may be missing grows.
     *
     * Throws Locked when it has a writer that does not let go within so many seconds, and InvalidFields when it
     * has another schema, unless it is to be replaced: its readers then find it gone. With 0, slots and mode
     * (0640) are chosen for a new board and left as they are for an old one. With a checksum in each publication,
     * which all readers verify, damage is told (Corrupt); an old board without has to be replaced. A durable board
     * comes back after a reboot with the record that sync() put into its durable file.
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
     * Takes an existing board, waiting for its writer to let go: for writing by turns.
     *
     * Throws Locked when it did not within so many seconds; null waits for ever. A board that is absent comes back
     * from its durable file, if it has one.
     */
    public static function open(string $board, ?float $timeout = 1.0): self
    {
        $backend = Loader::writing();
        return new self($board, $backend, $backend->open($board, $timeout));
    }

    /** Removes a board that has no writer: its readers find it gone. */
    public static function unlink(string $board): void
    {
        Loader::writing()->unlink($board);
    }

    /** The board's fields. */
    public function schema(): Schema
    {
        return $this->reader->schema();
    }

    /** The newest sequence, 0 when nothing has been published. */
    public function sequence(): int
    {
        return $this->reader->sequence();
    }

    /** The newest record. */
    public function read(): Snapshot
    {
        return $this->reader->read();
    }

    /**
     * Publishes all fields by name, or one array of them, or an object whose properties have the attribute #[Field],
     * or one document; says the sequence. A field that is left
     * out has its default, or is unknown if it is optional.
     */
    public function publish(mixed ...$values): int
    {
        return $this->backend->publish($this->handle(), ...$this->encode($values));
    }

    /** Publishes if `expected` is still the newest sequence (0: nothing published yet); else throws Conflict. */
    public function publishIf(int $expected, mixed ...$values): int
    {
        return $this->backend->publishIf(
            $this->handle(),
            Argument::sequence($expected, $this->board),
            ...$this->encode($values)
        );
    }

    /**
     * Publishes if the ring then still holds all publications after `acknowledged`, up to which somebody has taken
     * care of them; else throws Full. Fields that are called `expected` or `acknowledged` go in an array.
     */
    public function publishUnlessFull(int $acknowledged, mixed ...$values): int
    {
        return $this->backend->publishUnlessFull(
            $this->handle(),
            Argument::sequence($acknowledged, $this->board),
            ...$this->encode($values)
        );
    }

    /** Publishes a record that is already laid out, or a document as it is, unlooked at. */
    public function publishBytes(string $record): int
    {
        return $this->backend->publish($this->handle(), $record);
    }

    /**
     * Reads, changes and publishes, while no other writer can: `change` is given the array of the fields, or the
     * document, and returns the new one.
     */
    public function update(callable $change): int
    {
        $now = $this->read();
        $record = $this->schema()->encode($change($now->document), $this->board);
        return $this->backend->publishIf($this->handle(), $now->sequence, ...$record);
    }

    /**
     * Puts the newest record into the file of a durable board, and says its sequence: when this returns, it is on the
     * disk and comes back after a reboot.
     */
    public function sync(): int
    {
        return $this->backend->sync($this->handle());
    }

    /** Lets the board go. It and its last record stay. */
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
            ?? throw new InvalidArgument("board {$this->board}: this writer is closed; open another");
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
                "board {$this->board}: publish one record: its fields by name, an array or an object of them, or a "
                . 'document'
            );
        }
        return $this->schema()->encode($isWhole ? $values[0] : $values, $this->board);
    }
}
