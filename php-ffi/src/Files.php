<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Reads boards without the library, from their files: what Library does for a reader, where PHP has no FFI. It is
 * slower and only reads; what it gives is as whole.
 *
 * @internal
 */
final class Files
{
    /** A read gives up with Busy after so many laps. */
    private const MAX_TRIES = 1000;

    /** As many wrong checksums in a row are no writer's doing. */
    private const MAX_WRONG = 50;

    /** Microseconds from look to look of those who wait. */
    private const NAP = 2000;

    /** Nanoseconds that two clocks may differ, of which one counts hundredths of a second. */
    private const SLACK = 20_000_000;

    private const NONE = PHP_INT_MAX;

    /** @param Unavailable|null $reason why it is not the library */
    public function __construct(public readonly ?Unavailable $reason)
    {
    }

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema
    {
        return new Schema(...BoardFile::layOut($fields));
    }

    public function openReader(string $board): BoardView
    {
        return new BoardView(BoardFile::open($board, false), null);
    }

    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): BoardView
    {
        return new BoardView(BoardFile::open($board, $untrusted), $schema);
    }

    public function closeReader(BoardView $reader): void
    {
        $reader->file->close();
    }

    public function schema(BoardView $reader, string $_): Schema
    {
        return $reader->schema;
    }

    /** @return array<mixed> */
    public function plan(BoardView $reader, string $_): array
    {
        return Decoder::plan($reader->schema);
    }

    public function info(BoardView $reader): Info
    {
        $file = $reader->file;
        $mode = $file->status['mode'] & 07777;
        $size = $reader->schema->recordSize;
        return new Info($size, $file->slots, $file->hash, $file->generation(), $mode, $file->lineage);
    }

    public function sequence(BoardView $reader): int
    {
        $newest = BoardFile::sequenceOf($reader->file->head());
        return $newest === $reader->file->base ? 0 : $newest;
    }

    /** The kernel lists who locks what; a writer has a lock on its board. */
    public function writerAlive(BoardView $reader): bool
    {
        $file = $reader->file;
        $locks = @file_get_contents('/proc/locks');
        if ($locks === false) {
            throw new Unavailable(
                "{$this->named($reader)}: without FFI, only /proc/locks tells whether it has a writer; let PHP's "
                . 'open_basedir have it, or enable FFI'
            );
        }
        $device = $file->status['dev'];
        // As the kernel takes a number of a device apart (include/linux/kdev_t.h).
        $major = ($device >> 8) & 0xfff;
        $minor = ($device & 0xff) | (($device >> 12) & 0xfff00);
        $inode = sprintf('%02x:%02x:%d', $major, $minor, $file->status['ino']);
        return preg_match("/ OFDLCK .* $inode /", $locks) === 1;
    }

    /** The newest publication: a stamp as the library gives it, and behind it the record. */
    public function read(BoardView $reader, int $_size, bool $_isDocument): string
    {
        $file = $reader->file;
        return $this->attempt($reader, function () use ($reader, $file): array {
            $newest = $this->newest($reader);
            if ($newest === $file->base) {
                throw new Unpublished("{$this->named($reader)}: nothing has been published yet");
            }
            return [$newest, 0];
        });
    }

    /** The same of a sequence, or of the first one after it, by the name of the library's function. */
    public function readNumbered(BoardView $reader, int $_, bool $_isDocument, string $function, int $sequence): string
    {
        return $function === 'pegel_reader_read_at'
            ? $this->readAt($reader, $sequence)
            : $this->readAfter($reader, $sequence);
    }

    private function readAt(BoardView $reader, int $sequence): string
    {
        return $this->attempt($reader, function () use ($reader, $sequence): array {
            $newest = $this->newest($reader);
            $file = $reader->file;
            if ($sequence <= $file->base || $sequence > $newest || $newest - $sequence > $file->slots - 2) {
                throw new Overwritten(
                    "{$this->named($reader)}: sequence $sequence is not in the ring; the newest is $newest"
                );
            }
            return [$sequence, 0];
        });
    }

    private function readAfter(BoardView $reader, int $after): string
    {
        return $this->attempt($reader, function (int $retries) use ($reader, $after): array {
            $newest = $this->newest($reader);
            $file = $reader->file;
            if ($newest <= $after || $newest === $file->base) {
                throw new Unpublished("{$this->named($reader)}: nothing has been published after $after");
            }
            // Later each time that the writer laps the reader, which so gets ahead of it.
            $oldest = $newest - max(0, $file->slots - 2 - $retries);
            $sequence = max($oldest, $file->base + 1, $after + 1);
            return [$sequence, $sequence - $after - 1];
        });
    }

    private function newest(BoardView $reader): int
    {
        $head = $reader->file->head();
        // Who marks a board as gone may die before it is; so the name decides.
        if (BoardFile::isMarkedGone($head) && !$reader->file->isCurrent()) {
            throw $this->gone($reader);
        }
        return BoardFile::sequenceOf($head);
    }

    /** @param callable(int): array{int, int} $choose a sequence, and how many were missed, after so many retries */
    private function attempt(BoardView $reader, callable $choose): string
    {
        $file = $reader->file;
        $wrong = 0;
        for ($retries = 0; $retries < self::MAX_TRIES; $retries++) {
            [$sequence, $missed] = $choose($retries);
            $slot = $file->slot($sequence);
            if (BoardFile::sequenceOf($file->head()) - $sequence > $file->slots - 2) {
                continue;
            }
            if ($slot !== null) {
                return $this->publication($reader, $slot, $sequence, $retries, $missed);
            }
            if (++$wrong === self::MAX_WRONG) {
                throw new Corrupt(
                    "{$this->named($reader)}: the checksum of sequence $sequence is wrong; replace the board by "
                    . 'creating it anew'
                );
            }
        }
        throw new Busy("{$this->named($reader)}: its writer lapped each attempt to read; give it more slots");
    }

    /** @param array{string, array<string, int>} $slot */
    private function publication(BoardView $reader, array $slot, int $sequence, int $retries, int $missed): string
    {
        [$record, $words] = $slot;
        $capacity = $reader->file->schema->recordSize;
        $length = $words['length'];
        if ($reader->file->schema->document === null ? $length !== $capacity : $length > $capacity) {
            throw new Corrupt(
                "{$this->named($reader)}: a record claims $length bytes of $capacity; replace the board by creating "
                . 'it anew'
            );
        }
        [$record, $present] = $reader->convert($record, $words['present']);
        [$age, $published] = self::ageAndTime($words);
        $size = strlen($record);
        [$generation, $head] = [$words['generation'], [Library::STAMP, $retries, $size, 0]];
        return pack('L4q6', ...$head, ...[$sequence, $generation, $published, $age, $present, $missed]) . $record;
    }

    /**
     * How old it is and when it was published, in nanoseconds. As docs/format.md tells it, but that PHP has the time
     * since boot by hundredths of a second only. If the two clocks agree, nobody has set the one on the wall meanwhile.
     *
     * @param array<string, int> $words
     * @return array{int, int}
     */
    private static function ageAndTime(array $words): array
    {
        if ($words['since_boot'] === 0) {
            return [self::NONE, 0];
        }
        $wall = (int) (microtime(true) * 1e6) * 1000;
        $published = $words['since_boot'] + $words['wall_offset'];
        $age = $wall - $published;
        $up = (int) ((float) @file_get_contents('/proc/uptime') * 1e9);
        $sinceBoot = $up - $words['since_boot'];
        $isSameBoot = $up !== 0 && (abs($age - $sinceBoot) < self::SLACK || self::isThisBoot($words['boot']));
        if ($isSameBoot && abs($age - $sinceBoot) >= self::SLACK) {
            $age = $sinceBoot;
            $published = $wall - max(0, $age);
        }
        return [max(0, $age), $published];
    }

    private static function isThisBoot(int $boot): bool
    {
        $id = str_replace('-', '', (string) @file_get_contents('/proc/sys/kernel/random/boot_id'));
        return $boot === 0 || $id === '' || unpack('J', hex2bin(substr($id, 0, 16)))[1] === $boot;
    }

    public function wait(BoardView $reader, int $after, ?float $timeout): int
    {
        $end = hrtime(true) + Argument::nanoseconds($timeout);
        while (true) {
            $newest = $this->newest($reader);
            if ($newest > $after && $newest !== $reader->file->base) {
                return $newest;
            }
            if ($timeout !== null && hrtime(true) >= $end) {
                throw new Timeout("{$this->named($reader)}: nothing after sequence $after in time");
            }
            if ($reader->file->isRemoved()) {
                throw $this->gone($reader);
            }
            usleep(self::NAP);
        }
    }

    private function gone(BoardView $reader): Gone
    {
        return new Gone("{$this->named($reader)} was replaced or removed; open it again");
    }

    private function named(BoardView $reader): string
    {
        return "board {$reader->file->board} ({$reader->file->path})";
    }
}
