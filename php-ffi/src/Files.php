<?php

declare(strict_types=1);

namespace Pegel;

use Error;

/**
 * Reads boards from their files, where PHP has no FFI. It is slower than Library, and its records
 * are as consistent.
 *
 * @internal
 */
final class Files implements Backend
{
    /** A read throws Busy after so many attempts. */
    private const MAX_TRIES = 1000;

    /** So many wrong checksums in a row mean damage: a writer cannot cause them. */
    private const MAX_WRONG = 50;

    /** The poll interval of wait(), in microseconds. */
    private const INTERVAL = 2000;

    /** Nanoseconds that two clocks can differ; one counts hundredths of a second. */
    private const SLACK = 20_000_000;

    /** The age of a record without one: the greatest of 64 bits. */
    private const NONE = '9223372036854775807';

    /** Marks of an unknown boot, and of a record that was restored from a file. */
    private const UNKNOWN = "\0\0\0\0\0\0\0\0";
    private const RESTORED = "\xff\xff\xff\xff\xff\xff\xff\xff";

    /** The mark of this boot, once it could be read. */
    private static string $boot = self::UNKNOWN;

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema
    {
        [$rows, $size] = FieldTable::place(
            array_map(fn (Field $field): array => $field->row(), $fields)
        );
        $place = fn (Field $field, array $row): Field => $field->with(
            size: $row['size'],
            offset: $row['offset']
        );
        return new Schema(array_map($place, $fields, $rows), $size);
    }

    public function openReader(string $name): BoardFile
    {
        return $this->possible(fn (): BoardFile => BoardFile::open($name, false));
    }

    public function openReaderAs(string $name, ?Schema $schema, bool $untrusted): BoardFile
    {
        $board = $this->possible(fn (): BoardFile => BoardFile::open($name, $untrusted));
        if ($schema !== null) {
            $view = new BoardView($board, $schema);
            // The board's documents can be longer than the schema's.
            $board->view = $board->isDocument ? null : $view;
        }
        return $board;
    }

    /** The result of a call; Unavailable if PHP's settings disable a function that it needs. */
    private function possible(callable $call): mixed
    {
        try {
            return $call();
        } catch (Error $cause) {
            $isDisabled = str_contains($cause->getMessage(), 'undefined function');
            throw !$isDisabled ? $cause : new Unavailable(
                "cannot read boards without FFI: {$cause->getMessage()}. Remove that from "
                . 'disable_functions in '
                . 'php.ini, or of the pool, or enable FFI',
                $cause
            );
        }
    }

    public function closeReader(object $board): void
    {
        $board->close();
    }

    public function schema(object $board, string $_): Schema
    {
        return $board->view?->schema ?? $board->schema();
    }

    public function plan(object $board, string $_): array
    {
        $view = $board->view;
        return Decoder::plan(
            $view?->rows ?? $board->rows,
            $view?->schema->recordSize ?? $board->recordSize
        );
    }

    public function info(object $board): Info
    {
        $mode = $board->status['mode'] & 07777;
        $size = $board->view?->schema->recordSize ?? $board->recordSize;
        [$hash, $lineage] = [
            BoardFile::hexadecimal($board->hash),
            BoardFile::hexadecimal($board->lineage),
        ];
        $flags = [$board->hasChecksums, $board->isDurable, $board->isMirror];
        return new Info(
            $size,
            $board->slots,
            $hash,
            $board->generation(),
            $mode,
            $lineage,
            ...$flags
        );
    }

    public function sequence(object $board): int|string
    {
        $newest = $this->newest($board);
        return $newest === $board->base ? 0 : Word::whole($newest);
    }

    /** By the kernel's list of locks: a writer locks its board. */
    public function writerAlive(object $board): bool
    {
        $locks = @file_get_contents('/proc/locks');
        if ($locks === false) {
            throw new Unavailable(
                "{$this->named($board)}: without FFI, only /proc/locks shows whether it has a "
                . 'writer. Add /proc to '
                . "PHP's open_basedir, or enable FFI"
            );
        }
        $device = $board->status['dev'];
        // The parts of a device's number as in the kernel (include/linux/kdev_t.h).
        $major = ($device >> 8) & 0xfff;
        $minor = ($device & 0xff) | (($device >> 12) & 0xfff00);
        $inode = sprintf('%02x:%02x:%d', $major, $minor, $board->status['ino']);
        return preg_match("/ OFDLCK .* $inode /", $locks) === 1;
    }

    public function read(object $board, array $_): string
    {
        return $this->attempt($board, function () use ($board): array {
            $newest = $this->newest($board);
            if ($newest === $board->base) {
                throw new Unpublished("{$this->named($board)}: nothing has been published yet");
            }
            return [$newest, 0];
        });
    }

    public function readAt(object $board, array $_, int|string $sequence): string
    {
        $sequence = Word::real($sequence);
        return $this->attempt($board, function () use ($board, $sequence): array {
            $newest = $this->newest($board);
            $oldest = max($board->base + 1, $newest - ($board->slots - 2));
            if ($sequence < $oldest || $sequence > $newest) {
                throw new Overwritten(
                    "{$this->named($board)}: sequence $sequence is not in the ring (the newest is "
                    . "$newest)"
                );
            }
            return [$sequence, 0];
        });
    }

    public function readAfter(object $board, array $_, int|string $after): string
    {
        $after = Word::real($after);
        return $this->attempt($board, function (int $retries) use ($board, $after): array {
            $newest = $this->newest($board);
            if ($newest <= $after || $newest === $board->base) {
                throw new Unpublished(
                    "{$this->named($board)}: nothing has been published after $after"
                );
            }
            // Later at each retry, so that the reader gets ahead of the writer.
            $oldest = $newest - max(0, $board->slots - 2 - $retries);
            $sequence = max($oldest, $board->base + 1, $after + 1);
            return [$sequence, $sequence - $after - 1];
        });
    }

    private function newest(BoardFile $board): int|float
    {
        $head = $board->head();
        // A writer can exit between setting the mark and renaming the file, so the name decides. A
        // file that was removed by hand has no mark.
        if ((BoardFile::isMarkedGone($head) && !$board->isCurrent()) || $board->isFoundRemoved()) {
            throw $this->gone($board);
        }
        return BoardFile::sequenceOf($head);
    }

    /**
     * @param callable(int): array{int|float, int|float} $choose a sequence and the number of missed
     *     ones, by the retry
     */
    private function attempt(BoardFile $board, callable $choose): string
    {
        return $this->possible(fn (): string => $this->copy($board, $choose));
    }

    /** @param callable(int): array{int|float, int|float} $choose */
    private function copy(BoardFile $board, callable $choose): string
    {
        $wrong = 0;
        for ($retries = 0; $retries < self::MAX_TRIES; $retries++) {
            [$sequence, $missed] = $choose($retries);
            $slot = $board->slot($sequence);
            if (BoardFile::sequenceOf($board->head()) - $sequence > $board->slots - 2) {
                continue;
            }
            if ($slot !== null) {
                return $this->publication($board, $slot, $sequence, $retries, $missed);
            }
            if (++$wrong === self::MAX_WRONG) {
                throw new Corrupt(
                    "{$this->named($board)}: the checksum of sequence $sequence is wrong. Replace "
                    . 'the board by creating it anew.'
                );
            }
        }
        throw new Busy(
            "{$this->named($board)}: its writer lapped each attempt to read. Create it with more "
            . 'slots.'
        );
    }

    /** @param array{string, array<string, int|string>} $slot */
    private function publication(
        BoardFile $board,
        array $slot,
        int|float $sequence,
        int $retries,
        int|float $missed,
    ): string {
        [$record, $words] = $slot;
        $capacity = $board->recordSize;
        $length = $words['length'];
        if (!$board->isDocument ? $length !== $capacity : $length > $capacity) {
            throw new Corrupt(
                "{$this->named($board)}: a record has $length bytes of $capacity. Replace the "
                . 'board by creating it anew.'
            );
        }
        $present = $words['present'];
        if ($board->view !== null) {
            [$record, $present] = $board->view->convert($record, $present);
        }
        [$age, $published] = self::ageAndTime($words);
        return pack('L4', self::STAMP, $retries, strlen($record), 0)
            . Word::of($sequence) . $words['generation'] . Word::of($published) . Word::of($age)
            . $present . Word::of($missed) . $record;
    }

    /**
     * Its age and its time of publication, in nanoseconds: docs/format.md, "Ages".
     *
     * @param array<string, int|string> $words
     * @return array{int|float|string, int|float}
     */
    private static function ageAndTime(array $words): array
    {
        $since = Word::real(Word::at($words['since_boot'], 0, true));
        $offset = Word::real(Word::at($words['wall_offset'], 0, true));
        $boot = $words['boot'];
        if ($since === 0) {
            return [self::NONE, 0];
        }
        $wall = self::integral(microtime(true) * 1e6) * 1000;
        $published = self::saturated($since + $offset);
        $age = self::saturated($wall - $published);
        // This clock stops in suspend, so it shows at most the time since boot.
        $awake = hrtime(true);
        $isThisBoot = self::isThisBoot($boot);
        // If the two clocks agree, the wall clock was not set meanwhile.
        if ($isThisBoot && $age >= -self::SLACK && abs($age - ($awake - $since)) < self::SLACK) {
            return [max(0, $age), $published];
        }
        $up = self::uptime($awake);
        $now = $up ?? $awake;
        $sinceThen = self::saturated($now - $since);
        if ($isThisBoot && $up === null) {
            // The machine was suspended or the wall clock was set meanwhile, or both: the age is
            // uncertain.
            $least = max($age, $sinceThen);
            return $least < 0 ? [self::NONE, 0] : [$least, $age < 0 ? $wall - $least : $published];
        }
        if ($isThisBoot && $sinceThen >= -self::SLACK) {
            $isRight = $age >= 0 && abs($age - $sinceThen) < self::SLACK;
            return $isRight ? [$age, $published] : [max(0, $sinceThen), $wall - max(0, $sinceThen)];
        }
        // The wall clock may not have been set yet; a record of another boot is older than this
        // boot.
        $least = $boot === self::RESTORED ? $sinceThen : 0;
        return [$age < 0 ? $now : max($age, $least), $published];
    }

    /**
     * CLOCK_BOOTTIME, exact to hundredths of a second; null if a container has a file of its own
     * there.
     */
    private static function uptime(int|float $awake): int|float|null
    {
        [$file, $kernels] = [@stat('/proc/uptime'), @stat('/proc/self/stat')];
        $up = self::integral((float) @file_get_contents('/proc/uptime') * 1e9);
        $isKernels = $file !== false && $kernels !== false && $file['dev'] === $kernels['dev'];
        return $isKernels && $up > $awake - self::SLACK ? $up : null;
    }

    /** Without a fraction: an int if it has room for nanoseconds. */
    private static function integral(float $number): int|float
    {
        return Word::FITS ? (int) $number : floor($number);
    }

    /** An int that is saturated: PHP makes a float of a sum that overflows. */
    private static function saturated(int|float $number): int|float
    {
        return is_int($number) || !Word::FITS
            ? $number
            : ($number < 0 ? PHP_INT_MIN : PHP_INT_MAX);
    }

    private static function isThisBoot(string $boot): bool
    {
        if ($boot === self::UNKNOWN || $boot === self::RESTORED) {
            return false;
        }
        if (self::$boot === self::UNKNOWN) {
            $id = str_replace(
                '-',
                '',
                (string) @file_get_contents('/proc/sys/kernel/random/boot_id')
            );
            self::$boot = strlen($id) < 16
                ? self::UNKNOWN
                : Word::bigEndian(hex2bin(substr($id, 0, 16)));
        }
        return self::$boot === $boot;
    }

    public function wait(object $board, int|string $after, ?float $timeout): int|string
    {
        $end = hrtime(true) + Argument::nanoseconds($timeout);
        $after = Word::real($after);
        while (true) {
            $newest = $this->newest($board);
            if ($newest > $after && $newest !== $board->base) {
                return Word::whole($newest);
            }
            if ($timeout !== null && hrtime(true) >= $end) {
                throw new Timeout("{$this->named($board)}: nothing after sequence $after in time");
            }
            if ($board->isRemoved()) {
                throw $this->gone($board);
            }
            usleep(self::INTERVAL);
        }
    }

    private function gone(BoardFile $board): Gone
    {
        return new Gone("{$this->named($board)} was replaced or removed. Open it again.");
    }

    private function named(BoardFile $board): string
    {
        return "board {$board->board} ({$board->path})";
    }
}
