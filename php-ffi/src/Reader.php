<?php

declare(strict_types=1);

namespace Pegel;

/** Reads a board. Needs no more than the permission to read its file, and never gets in a writer's way. */
final class Reader
{
    private ?Schema $schema = null;

    /** @var array<mixed>|null */
    private ?array $plan = null;

    /** @var array<class-string, Mapping> Those that fit. */
    private array $mappings = [];

    /** @param object|null $handle the backend's; null: the reader is closed */
    private function __construct(
        /** The board as it was asked for: NAME or DIRECTORY/NAME. */
        public readonly string $board,
        private readonly Backend $backend,
        private ?object $handle,
        private readonly bool $isWriters = false,
        private readonly ?Schema $view = null,
        private readonly bool $untrusted = false,
    ) {
        // The board's documents may be longer than those of the view.
        $this->schema = $view?->document === null ? $view : null;
    }

    /**
     * Opens a board: NAME in the directory $PEGEL_DIR, else in /dev/shm; or DIRECTORY/NAME.
     *
     * With a schema, records have its fields: the board may have an earlier or a later version of them. Those
     * that it lacks have their defaults, or are unknown; else it is InvalidFields.
     *
     * Untrusted takes boards of those whom this program does not trust, also ones that are refused as Untrusted
     * else. If somebody cuts the file off, that is Corrupt, where it ends the process else; each look at the board
     * is a system call then.
     */
    public static function open(string $board, ?Schema $schema = null, bool $untrusted = false): self
    {
        $backend = Loader::reading();
        if ($schema === null && !$untrusted) {
            return new self($board, $backend, $backend->openReader($board));
        }
        $handle = $backend->openReaderAs($board, $schema, $untrusted);
        return new self($board, $backend, $handle, false, $schema, $untrusted);
    }

    /**
     * As open(), or null if the board does not exist yet, such as before its daemon has run for the first time.
     *
     * Null is for that alone. It is NotFound if the board's directory is missing, if a durable file exists from which
     * the board can be restored, and if nothing names the directory: neither `board` nor PEGEL_DIR, which php-fpm
     * hides from its pools unless their configuration sets it.
     */
    public static function tryOpen(string $board, ?Schema $schema = null, bool $untrusted = false): ?self
    {
        try {
            return self::open($board, $schema, $untrusted);
        } catch (NotFound $reason) {
            if (!str_contains($board, '/') && (string) getenv('PEGEL_DIR') === '') {
                throw new NotFound(
                    "{$reason->getMessage()}; PEGEL_DIR is not set. Set it, or name the board DIRECTORY/$board",
                    $reason
                );
            }
            return BoardPath::of($board)->isAbsent() ? null : throw $reason;
        }
    }

    /** The newest record; null if the board does not exist yet, as tryOpen(), or has no record yet. */
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
    public static function ofWriter(string $board, Backend $backend, object $handle): self
    {
        return new self($board, $backend, $handle, true);
    }

    private function handle(): object
    {
        return $this->handle ?? throw new InvalidArgument("board {$this->board}: it is closed; open it again");
    }

    /** The board's fields. */
    public function schema(): Schema
    {
        return $this->schema ??= $this->backend->schema($this->handle(), $this->board);
    }

    /** @internal How records are objects of a class; InvalidFields if they cannot be. */
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
     * The newest record. Unpublished, Gone and Busy say why there is none. A board that was replaced is opened again,
     * as a page has nothing else to do; Gone is one that was removed.
     */
    public function read(): Snapshot
    {
        try {
            return $this->newest();
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

    /** The record of a sequence, if it is still in the ring; else Overwritten. */
    public function readAt(int $sequence): Snapshot
    {
        Argument::sequence($sequence, $this->board);
        [$handle, $plan] = $this->planned();
        return new Snapshot($this, $plan, $this->backend->readAt($handle, $plan, $sequence));
    }

    /**
     * The first record after a sequence that the ring still holds, and how many it missed before; Unpublished when
     * there is none yet.
     */
    public function readAfter(int $after): Snapshot
    {
        Argument::sequence($after, $this->board);
        [$handle, $plan] = $this->planned();
        return new Snapshot($this, $plan, $this->backend->readAfter($handle, $plan, $after));
    }

    /** @return array{object, array<mixed>} the handle, and the plan for what it reads */
    private function planned(): array
    {
        $handle = $this->handle();
        return [$handle, $this->plan ??= $this->backend->plan($handle, $this->board)];
    }

    /**
     * The newest records, oldest first: so many of them, or as many as the ring holds.
     *
     * @return list<Snapshot>
     */
    public function last(int $count): array
    {
        $newest = $this->sequence();
        $after = max(0, $newest - $count);
        $records = [];
        while ($after < $newest) {
            $snapshot = $this->readAfter($after);
            // What the writer overtook meanwhile tears no hole into the rest.
            if ($snapshot->missed > 0) {
                $records = [];
            }
            $records[] = $snapshot;
            $after = $snapshot->sequence;
        }
        return $records;
    }

    /**
     * The newest sequence, 0 when nothing has been published; throws Gone once the board was replaced or removed:
     * read() opens the new one.
     */
    public function sequence(): int
    {
        return $this->backend->sequence($this->handle());
    }

    /** Whether the board has a writer now. Asks the kernel. */
    public function writerAlive(): bool
    {
        return $this->backend->writerAlive($this->handle());
    }

    /** What is known of the board itself. */
    public function info(): Info
    {
        return $this->backend->info($this->handle());
    }

    /**
     * Waits for a publication after the given sequence and says the newest one.
     *
     * Throws Timeout when nothing came within so many seconds; null waits for ever.
     */
    public function wait(int $after, ?float $timeout = null): int
    {
        return $this->backend->wait($this->handle(), Argument::sequence($after, $this->board), $timeout);
    }

    /**
     * Yields the newest snapshot after the given sequence, then each newer one, skipping what it was too slow
     * for; or every one in order, once, which says how many were missed before. A board that is replaced is opened
     * again.
     *
     * Ends when nothing was published for so many seconds; null goes on for ever.
     *
     * @return \Generator<int, Snapshot>
     */
    public function follow(?float $timeout = null, int $after = 0, bool $every = false): \Generator
    {
        $reader = $this;
        while (true) {
            try {
                $reader->wait($after, $timeout);
                $snapshot = $every ? $reader->readAfter($after) : $reader->newest();
            } catch (Timeout) {
                return;
            } catch (Gone) {
                $fresh = self::open($this->board, $this->view, $this->untrusted);
                // Of a board that was removed, they do not go on.
                $after = $fresh->info()->lineage === $reader->info()->lineage ? $after : 0;
                $reader = $fresh;
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
        if ($this->handle !== null && !$this->isWriters) {
            $this->backend->closeReader($this->handle);
        }
        $this->handle = null;
    }

    public function __destruct()
    {
        $this->close();
    }
}
