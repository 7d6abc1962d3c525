<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Reads a board. It needs only the permission to read the board's file, and never delays a writer.
 */
final class Reader
{
    /** The board as given: NAME or DIRECTORY/NAME. */
    public readonly string $board;

    // Properties without types: PHP checks those of arguments in half the time.

    /** @var Backend|Library */
    private $backend;
    /** @var object|null The backend's; null: the reader is closed. */
    private $handle;
    /** @var list<string>|null */
    private $plan = null;

    private ?Schema $schema = null;
    private ?Schema $view = null;
    private bool $untrusted = false;
    private bool $isWriters = false;

    /** @var array<class-string, Mapping> Those that fit the board. */
    private array $mappings = [];

    private function __construct($board, $backend, $handle)
    {
        $this->board = $board;
        $this->backend = $backend;
        $this->handle = $handle;
    }

    /**
     * Opens a board: NAME in the directory $PEGEL_DIR, else in /dev/shm; or DIRECTORY/NAME.
     *
     * With a schema, records have its fields; the board can have an earlier or a later version of
     * them. A field that the board lacks has its default, or is unknown if it is optional; else
     * open() throws InvalidFields.
     *
     * With `untrusted`, it opens boards of other users, too, which it refuses otherwise
     * (Untrusted). A truncated file then throws Corrupt instead of ending the process, and each
     * access to the board is a system call.
     */
    public static function open(
        string $board,
        ?Schema $schema = null,
        bool $untrusted = false,
    ): self {
        $backend = Loader::reading();
        if ($schema === null && !$untrusted) {
            return new self($board, $backend, $backend->openReader($board));
        }
        $reader = new self($board, $backend, $backend->openReaderAs($board, $schema, $untrusted));
        [$reader->view, $reader->untrusted] = [$schema, $untrusted];
        // The board's documents may be longer than those of the view.
        $reader->schema = $schema?->document === null ? $schema : null;
        return $reader;
    }

    /**
     * As open(), or null if the board does not exist yet, such as before its daemon has run for the
     * first time.
     *
     * Null is for that alone. It is NotFound if the board's directory is missing, if a durable file
     * exists from which the board can be restored, and if nothing names the directory: neither
     * `board` nor PEGEL_DIR, which php-fpm hides from its pools unless their configuration sets it.
     */
    public static function tryOpen(
        string $board,
        ?Schema $schema = null,
        bool $untrusted = false,
    ): ?self {
        try {
            return self::open($board, $schema, $untrusted);
        } catch (NotFound $reason) {
            if (!str_contains($board, '/') && (string) getenv('PEGEL_DIR') === '') {
                throw new NotFound(
                    "{$reason->getMessage()}; PEGEL_DIR is not set. Set it, or name the board "
                    . "DIRECTORY/$board",
                    $reason
                );
            }
            return BoardPath::of($board)->isAbsent() ? null : throw $reason;
        }
    }

    /**
     * The newest record; null if the board does not exist yet, as tryOpen(), or has no record yet.
     */
    public static function tryRead(string $board, ?Schema $schema = null): ?Snapshot
    {
        try {
            return self::tryOpen($board, $schema)?->read();
        } catch (Unpublished | Gone) {
            // Gone: it was removed since it was opened.
            return null;
        }
    }

    /** @internal The reader of a writer, which ends with it. */
    public static function ofWriter(string $board, object $backend, object $handle): self
    {
        $reader = new self($board, $backend, $handle);
        $reader->isWriters = true;
        return $reader;
    }

    private function handle(): object
    {
        return $this->handle ?? throw new InvalidArgument(
            "board {$this->board}: the reader is closed. Open it again"
        );
    }

    /** The board's fields. */
    public function schema(): Schema
    {
        return $this->schema ??= $this->backend->schema($this->handle(), $this->board);
    }

    /** @internal How records become objects of a class; InvalidFields if they cannot. */
    public function mapping(string $class): Mapping
    {
        if (!isset($this->mappings[$class])) {
            $mapping = Mapping::of($class);
            $mapping->check($this->schema(), $this->board);
            $this->mappings[$class] = $mapping;
        }
        return $this->mappings[$class];
    }

    /**
     * The newest record. A board that was replaced is opened again. Throws Unpublished before the
     * first record, Gone if the board was removed, and Busy if its writer overwrote the record at
     * each attempt.
     */
    public function read(): Snapshot
    {
        try {
            // As newest() does, without a call.
            $handle = $this->handle ?? $this->handle();
            $plan = $this->plan ??= $this->backend->plan($handle, $this->board);
            return new Snapshot($this, $plan, $this->backend->read($handle, $plan));
        } catch (Gone $gone) {
            $this->reopen($gone);
            return $this->newest();
        }
    }

    private function newest(): Snapshot
    {
        $handle = $this->handle ?? $this->handle();
        $plan = $this->plan ??= $this->backend->plan($handle, $this->board);
        return new Snapshot($this, $plan, $this->backend->read($handle, $plan));
    }

    private function reopen(Gone $gone): void
    {
        if ($this->isWriters) {
            // A writer that lost its board must know.
            throw $gone;
        }
        try {
            $fresh = self::open($this->board, $this->view, $this->untrusted);
        } catch (NotFound) {
            throw $gone;
        }
        $this->close();
        [$this->handle, $fresh->handle] = [$fresh->handle, null];
        [$this->schema, $this->plan, $this->mappings] = [$fresh->schema, null, []];
    }

    /** The record of a sequence; Overwritten if the ring no longer holds it. */
    public function readAt(int|string $sequence): Snapshot
    {
        Argument::sequence($sequence, $this->board);
        [$handle, $plan] = $this->planned();
        return new Snapshot($this, $plan, $this->backend->readAt($handle, $plan, $sequence));
    }

    /**
     * The first record after a sequence that the ring still holds, and how many were missed before
     * it. Unpublished if there is none yet.
     */
    public function readAfter(int|string $after): Snapshot
    {
        Argument::sequence($after, $this->board);
        [$handle, $plan] = $this->planned();
        return new Snapshot($this, $plan, $this->backend->readAfter($handle, $plan, $after));
    }

    /** @return array{object, list<string>} the handle, and the plan for what it reads */
    private function planned(): array
    {
        $handle = $this->handle();
        return [$handle, $this->plan ??= $this->backend->plan($handle, $this->board)];
    }

    /**
     * The newest `count` records, or as many as the ring holds, oldest first.
     *
     * @return list<Snapshot>
     */
    public function last(int $count): array
    {
        $newest = $this->sequence();
        $after = Word::whole(max(0, $newest - $count));
        $records = [];
        while ($after < $newest) {
            $snapshot = $this->readAfter($after);
            // The writer overwrote some meanwhile: without the older ones, the list has no gap.
            if ($snapshot->missed > 0) {
                $records = [];
            }
            $records[] = $snapshot;
            $after = $snapshot->sequence;
        }
        return $records;
    }

    /**
     * The newest sequence; 0 before the first record. Throws Gone once the board was replaced or
     * removed; read() opens the new one.
     */
    public function sequence(): int|string
    {
        return $this->backend->sequence($this->handle());
    }

    /** Whether the board has a writer now, by a system call. */
    public function writerAlive(): bool
    {
        return $this->backend->writerAlive($this->handle());
    }

    /** Facts about the board itself. */
    public function info(): Info
    {
        return $this->backend->info($this->handle());
    }

    /**
     * Waits for a record after the given sequence, and returns the newest sequence.
     *
     * Throws Timeout if none is published within so many seconds; null waits without end.
     */
    public function wait(int|string $after, ?float $timeout = null): int|string
    {
        return $this->backend->wait(
            $this->handle(),
            Argument::sequence($after, $this->board),
            $timeout
        );
    }

    /**
     * Yields the newest snapshot after the given sequence, then each newer one; a slow loop skips
     * records. With `every`, yields each record in order, once, with the number of those missed
     * before it. A board that was replaced is opened again.
     *
     * Ends if nothing is published for so many seconds; null continues without end.
     *
     * @return \Generator<int, Snapshot>
     */
    public function follow(
        ?float $timeout = null,
        int|string $after = 0,
        bool $every = false,
    ): \Generator {
        $reader = $this;
        while (true) {
            try {
                $reader->wait($after, $timeout);
                $snapshot = $every ? $reader->readAfter($after) : $reader->newest();
            } catch (Timeout) {
                return;
            } catch (Gone) {
                $fresh = self::open($this->board, $this->view, $this->untrusted);
                // The sequences of a new board begin anew.
                $after = $fresh->info()->lineage === $reader->info()->lineage ? $after : 0;
                $reader = $fresh;
                continue;
            }
            $after = $snapshot->sequence;
            yield $snapshot;
        }
    }

    /** Closes the reader. Its snapshots stay valid, without `writerAlive`. */
    public function close(): void
    {
        // The writer closes its own reader.
        if ($this->handle !== null && !$this->isWriters) {
            $this->backend->closeReader($this->handle);
        }
        $this->handle = null;
    }

    public function __destruct()
    {
        // As close() does, without a call.
        if ($this->handle !== null && !$this->isWriters) {
            $this->backend->closeReader($this->handle);
        }
    }
}
