<?php

declare(strict_types=1);

namespace Pegel;

/** Reads a board. Needs no more than the permission to read its file, and never gets in a writer's way. */
final class Reader
{
    private ?Schema $schema = null;

    private function __construct(
        /** The board as it was asked for: NAME or DIRECTORY/NAME. */
        public readonly string $board,
        private readonly Library $library,
        private readonly Handle $handle,
    ) {
    }

    /** Opens a board: NAME in the directory $PEGEL_DIR, else in /dev/shm; or DIRECTORY/NAME. */
    public static function open(string $board): self
    {
        $library = Library::instance();
        return new self($board, $library, $library->openReader($board));
    }

    /** @internal The reader of a writer, which ends with it. */
    public static function ofWriter(string $board, Library $library, Handle $handle): self
    {
        return new self($board, $library, $handle);
    }

    /** The board's fields. */
    public function schema(): Schema
    {
        return $this->schema ??= $this->library->schema($this->handle);
    }

    /** The newest record. Unpublished, Gone and Busy say why there is none. */
    public function read(): Snapshot
    {
        return $this->snapshot(null);
    }

    /** The record of a sequence, if it is still in the ring; else Overwritten. */
    public function readAt(int $sequence): Snapshot
    {
        return $this->snapshot($sequence);
    }

    private function snapshot(?int $sequence): Snapshot
    {
        $schema = $this->schema();
        return new Snapshot($this, $schema, ...$this->library->read($this->handle, $schema, $sequence));
    }

    /** The newest sequence, 0 when nothing has been published. */
    public function sequence(): int
    {
        return $this->library->sequence($this->handle);
    }

    /** Whether the board has a writer now. Asks the kernel. */
    public function writerAlive(): bool
    {
        return $this->library->writerAlive($this->handle);
    }

    /** What is known of the board itself. */
    public function info(): Info
    {
        return $this->library->info($this->handle);
    }

    /**
     * Waits for a publication after the given sequence and says the newest one.
     *
     * Throws Timeout when nothing came within so many seconds; null waits for ever.
     */
    public function wait(int $after, ?float $timeout = null): int
    {
        return $this->library->wait($this->handle, $after, $timeout);
    }

    /**
     * Yields the newest snapshot after the given sequence, then each newer one, skipping what it was too slow
     * for; a board that is replaced is opened again.
     *
     * Ends when nothing was published for so many seconds; null goes on for ever.
     *
     * @return \Generator<int, Snapshot>
     */
    public function follow(?float $timeout = null, int $after = 0): \Generator
    {
        $reader = $this;
        while (true) {
            try {
                $reader->wait($after, $timeout);
                $snapshot = $reader->read();
            } catch (Timeout) {
                return;
            } catch (Gone) {
                $reader = self::open($this->board);
                $after = 0;
                continue;
            }
            $after = $snapshot->sequence;
            yield $snapshot;
        }
    }

    /** Closes the reader. Snapshots stay good, but know no more whether the writer lives. */
    public function close(): void
    {
        // A writer's is the writer's to close.
        if ($this->handle->writer === null) {
            $this->library->close($this->handle);
        }
    }

    public function __destruct()
    {
        $this->close();
    }
}
