<?php

declare(strict_types=1);

namespace Pegel;

/**
 * What the extension's Reader leaves to this package, as pages rarely need it.
 *
 * @internal
 */
final class ExtensionReader
{
    public static function openAs(string $board, ?Schema $schema, bool $untrusted): object
    {
        return (new Extension())->openReaderAs($board, $schema, $untrusted);
    }

    /** Throws the reason again unless it is that the board does not exist yet. */
    public static function requireAbsent(string $board, NotFound $reason): void
    {
        if (!str_contains($board, '/') && (string) getenv('PEGEL_DIR') === '') {
            throw new NotFound(
                "{$reason->getMessage()}; PEGEL_DIR is not set. Set it, or name the board "
                . "DIRECTORY/$board",
                $reason
            );
        }
        if (!BoardPath::of($board)->isAbsent()) {
            throw $reason;
        }
    }

    /** The schema of a reader with a view, or without one. */
    public static function schema(object $handle, string $board, ?Schema $view): Schema
    {
        // The board's documents may be longer than those of the view.
        return $view !== null && $view->document === null
            ? $view
            : (new Extension())->schema($handle, $board);
    }

    public static function mapping(string $class, Schema $schema, string $board): Mapping
    {
        $mapping = Mapping::of($class);
        $mapping->check($schema, $board);
        return $mapping;
    }

    public static function info(object $handle): Info
    {
        return (new Extension())->info($handle);
    }

    /** @return list<Snapshot> */
    public static function last(Reader $reader, int $count): array
    {
        $newest = $reader->sequence();
        $after = max(0, $newest - $count);
        $records = [];
        while ($after < $newest) {
            $snapshot = $reader->readAfter($after);
            // The writer overwrote some meanwhile: without the older ones, the list has no gap.
            if ($snapshot->missed > 0) {
                $records = [];
            }
            $records[] = $snapshot;
            $after = $snapshot->sequence;
        }
        return $records;
    }

    /** @return \Generator<int, Snapshot> */
    public static function follow(
        Reader $reader,
        ?Schema $view,
        bool $untrusted,
        ?float $timeout,
        int $after,
        bool $every,
    ): \Generator {
        while (true) {
            try {
                $reader->wait($after, $timeout);
                $snapshot = $every ? $reader->readAfter($after) : $reader->read();
            } catch (Timeout) {
                return;
            } catch (Gone) {
                $fresh = Reader::open($reader->board, $view, $untrusted);
                // The sequences of a new board begin anew.
                $after = $fresh->info()->lineage === $reader->info()->lineage ? $after : 0;
                $reader = $fresh;
                continue;
            }
            $after = $snapshot->sequence;
            yield $snapshot;
        }
    }
}
