<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

/**
 * Fields, details, facts and numbered records of boards by libpegel: most pages need none of them,
 * and do not load this class.
 *
 * @internal
 */
final class LibraryBoards
{
    /** Offsets of the words in a pegel_info. */
    private const HASH = 16;
    private const GENERATION = 24;
    private const LINEAGE = 40;

    /** Nanoseconds after which a signal handler of pcntl runs at the latest. */
    private const SLICE = 200_000_000;

    /** The interval of poll(), in microseconds. */
    private const INTERVAL = 2000;

    public function __construct(private readonly Library $library)
    {
    }

    public function layout(array $fields): Schema
    {
        $c = $this->library->whole();
        $entries = $this->fields($fields);
        $size = $c->new('size_t');
        $this->library->check(
            fn (): int => $c->pegel_layout($entries, count($fields), FFI::addr($size))
        );
        $placed = fn (Field $field, Field $placed): Field =>
            $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($placed, $fields, self::unpack($entries)), $size->cdata);
    }

    public function schema(object $reader, string $board): Schema
    {
        $fields = self::unpack($this->entries($reader));
        [$description, $fields] = Details::decode($this->details($reader), $fields, $board);
        return new Schema($fields, $this->infoOf($reader)->record_size, $description);
    }

    private function entries(CData $reader): CData
    {
        [$c, $own] = $this->library->bound($reader);
        $count = $c->new('size_t[1]');
        $this->library->check(fn (): int => $c->pegel_reader_fields($own, null, 0, $count));
        $entries = $c->new("pegel_field[{$count[0]}]");
        $this->library->check(
            fn (): int => $c->pegel_reader_fields($own, $entries, $count[0], $count)
        );
        return $entries;
    }

    private function details(CData $reader): string
    {
        [$c, $own] = $this->library->bound($reader);
        $length = $c->new('size_t[1]');
        $this->library->check(fn (): int => $c->pegel_reader_details($own, null, 0, $length));
        $capacity = $length[0] + 1;
        if ($capacity === 1) {
            return '';
        }
        $text = $c->new("char[$capacity]");
        $this->library->check(
            fn (): int => $c->pegel_reader_details($own, $text, $capacity, $length)
        );
        return FFI::string($text, $length[0]);
    }

    public function info(object $reader): Info
    {
        [$c, $info] = [$this->library->whole(), $this->infoOf($reader)];
        $bytes = FFI::string(FFI::addr($info), FFI::sizeof($info));
        return new Info(
            $info->record_size,
            $info->slots,
            bin2hex(Word::bigEndian(substr($bytes, self::HASH, 8))),
            Word::at($bytes, self::GENERATION),
            $info->mode,
            bin2hex(Word::bigEndian(substr($bytes, self::LINEAGE, 8))),
            ($info->flags & $c->PEGEL_CHECKSUM) !== 0,
            ($info->flags & $c->PEGEL_DURABLE) !== 0,
            ($info->flags & $c->PEGEL_MIRROR) !== 0,
        );
    }

    private function infoOf(CData $reader): CData
    {
        [$c, $own] = $this->library->bound($reader);
        $info = $c->new('pegel_info');
        $info->size = FFI::sizeof($info);
        $this->library->check(fn (): int => $c->pegel_reader_info($own, FFI::addr($info)));
        return $info;
    }

    /** @param list<Field> $fields */
    public function fields(array $fields): CData
    {
        $count = count($fields);
        $entries = $this->library->whole()->new("pegel_field[$count]");
        $bytes = implode('', array_map(fn (Field $field): string => $field->pack(), $fields));
        FFI::memcpy($entries, $bytes, strlen($bytes));
        return $entries;
    }

    /** @return list<Field> */
    private static function unpack(CData $entries): array
    {
        $bytes = str_split(FFI::string($entries, FFI::sizeof($entries)), Field::BYTES);
        return array_map(Field::unpack(...), $bytes);
    }

    public function readAt(object $reader, array $plan, int|string $sequence): string
    {
        [$c, $own] = $this->library->bound($reader);
        $word = self::argument($sequence);
        return $this->numbered($plan, fn (string $record, int $size, CData $stamp): int =>
            $c->pegel_reader_read_at($own, $word, $record, $size, $stamp));
    }

    public function readAfter(object $reader, array $plan, int|string $after): string
    {
        [$c, $own] = $this->library->bound($reader);
        $word = self::argument($after);
        return $this->numbered($plan, fn (string $record, int $size, CData $stamp): int =>
            $c->pegel_reader_read_after($own, $word, $record, $size, $stamp));
    }

    /**
     * @param list<string> $plan
     * @param callable(string, int, CData): int $read into a record of so many bytes and a stamp
     */
    private function numbered(array $plan, callable $read): string
    {
        $size = (int) $plan[Backend::SIZE];
        $capacity = $plan[Backend::DOCUMENT] === '' ? $size : min($size, Library::BUFFER);
        while (true) {
            $stamp = $this->library->whole()->new('pegel_stamp');
            $stamp->size = Backend::STAMP;
            // As in read().
            $record = str_repeat("\0", $capacity);
            $status = $this->library->guarded(
                fn (): int => $read($record, $capacity - Backend::STAMP, FFI::addr($stamp))
            );
            if ($status === 0) {
                $record = substr($record, 0, $stamp->record_size);
                return FFI::string(FFI::addr($stamp), Backend::STAMP) . $record;
            }
            $capacity = $this->library->larger($status, $capacity, $size);
        }
    }

    public function wait(object $reader, int|string $after, ?float $timeout): int|string
    {
        $left = Argument::nanoseconds($timeout);
        $end = hrtime(true) + $left;
        if (is_string($after)) {
            return $this->poll($reader, $after, $left < 0 ? INF : $end);
        }
        [$c, $own] = $this->library->bound($reader);
        $cell = $this->library->sequenceCell();
        do {
            $isLast = $left >= 0 && $left <= self::SLICE;
            $slice = $isLast ? (int) $left : self::SLICE;
            $status = $this->library->guarded(
                fn (): int => $c->pegel_reader_wait($own, $after, $slice, $cell)
            );
            $left = $left < 0 ? $left : max(0, $end - hrtime(true));
        } while ($status === Timeout::CODE && !$isLast);
        return $status === 0 ? Library::inCell($cell) : throw $this->library->failure($status);
    }

    public function sequence(object $reader): int|string
    {
        [$c, $own] = $this->library->bound($reader);
        if (!Word::FITS) {
            // FFI would return the lower half alone of what pegel_reader_sequence() returns.
            $cell = $this->library->sequenceCell();
            $wait = fn (): int => $c->pegel_reader_wait($own, 0, 0, $cell);
            $status = $this->library->guarded($wait);
            return match ($status) {
                0 => Library::inCell($cell),
                Timeout::CODE => 0,
                default => throw $this->library->failure($status),
            };
        }
        $sequence = $this->library->guarded(fn (): int => $c->pegel_reader_sequence($own));
        // UINT64_MAX, which is not a sequence.
        return $sequence !== -1 ? $sequence : throw $this->library->failure(Gone::CODE);
    }

    /** Waits after a sequence that argument() refuses. */
    private function poll(object $reader, string $after, int|float $end): int|string
    {
        while (true) {
            $newest = $this->sequence($reader);
            if (Word::compare($newest, $after) > 0) {
                return $newest;
            }
            if (hrtime(true) >= $end) {
                throw $this->library->failure(Timeout::CODE);
            }
            usleep(self::INTERVAL);
        }
    }

    /** FFI passes 64 bits to a function from an int alone. */
    private static function argument(int|string $sequence): int
    {
        return is_int($sequence) ? $sequence : throw new Unsupported(
            "sequence $sequence is beyond this PHP's int, and its FFI cannot pass it. Set "
            . 'PEGEL_TIER=files'
        );
    }
}
