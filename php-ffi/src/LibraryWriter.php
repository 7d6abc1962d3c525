<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

/**
 * Writes boards by libpegel.
 *
 * @internal
 */
final class LibraryWriter implements WriterBackend
{
    private FFI $c;

    /** @var array<int, CData> Pointers to the open writers, by their ids. */
    private array $writers = [];

    /** @var array<int, CData> Pointers to the writers' own readers, by the writers' ids. */
    private array $readers = [];

    public function __construct(private readonly Library $library)
    {
        $this->c = $library->whole();
        register_shutdown_function($this->closeAfterFatalError(...));
    }

    public function reading(): Library
    {
        return $this->library;
    }

    public function create(
        string $board,
        Schema $schema,
        int $slots,
        int $mode,
        array $flags,
        ?float $timeout,
    ): CData {
        $name = Library::name($board);
        $options = $this->c->new('pegel_options');
        $options->size = FFI::sizeof($options);
        $options->slots = Argument::u32($slots, 'slots');
        $options->mode = Argument::u32($mode, 'mode');
        $options->flags = $this->c->PEGEL_WHOLE;
        foreach (array_keys($flags, true, true) as $flag) {
            $options->flags |= $this->c->{"PEGEL_$flag"};
        }
        // To C, 0 leaves the choice to the library.
        $nanoseconds = Argument::nanoseconds($timeout) ?: 1;
        // timeout_ns, the last member: PHP's int may have too few bits for it.
        $end = $this->c->cast('char *', FFI::addr($options)) + $options->size;
        FFI::memcpy($end - 8, Word::of($nanoseconds), 8);
        $details = $schema->details();
        $text = $this->c->new('char[' . strlen($details) + 1 . ']');
        FFI::memcpy($text, $details, strlen($details));
        $options->details = FFI::addr($text[0]);
        $fields = $this->library->boards()->fields(array_values($schema->fields));
        $count = count($schema->fields);
        return $this->opened(fn (CData $writer): int =>
            $this->c->pegel_writer_create($name, $fields, $count, FFI::addr($options), $writer));
    }

    public function open(string $board, ?float $timeout): CData
    {
        [$name, $left] = [Library::name($board), Argument::nanoseconds($timeout)];
        // FFI passes 64 bits from an int alone, which can have 32.
        while ($left > PHP_INT_MAX) {
            try {
                return $this->openWithin($name, PHP_INT_MAX);
            } catch (Locked) {
                $left -= PHP_INT_MAX;
            }
        }
        return $this->openWithin($name, (int) $left);
    }

    private function openWithin(string $name, int $nanoseconds): CData
    {
        return $this->opened(fn (CData $writer): int =>
            $this->c->pegel_writer_open($name, $nanoseconds, $writer));
    }

    /** @param callable(CData): int $open stores a writer */
    private function opened(callable $open): CData
    {
        $writer = $this->c->new('pegel_writer *');
        $this->library->check(fn (): int => $open(FFI::addr($writer)));
        $id = spl_object_id($writer);
        $own = $this->library->guarded(fn (): CData => $this->c->pegel_writer_reader($writer));
        $this->readers[$id] = $this->library->reader($own);
        return $this->writers[$id] = $writer;
    }

    public function readerOf(object $writer): CData
    {
        return $this->readers[spl_object_id($writer)];
    }

    public function close(object $writer): void
    {
        $id = spl_object_id($writer);
        unset($this->writers[$id], $this->readers[$id]);
        $this->library->guarded(fn () => $this->c->pegel_writer_close($writer));
    }

    /**
     * PHP calls no destructor after a fatal error, an uncaught exception among them: a php-fpm
     * worker would then hold a writer's board until the worker ends.
     */
    private function closeAfterFatalError(): void
    {
        if (((error_get_last()['type'] ?? 0) & Library::FATAL) === 0) {
            return;
        }
        $pointers = [...$this->writers, ...$this->readers];
        array_map($this->close(...), $this->writers);
        // Other shutdown functions may use the writers: they find NULL.
        foreach ($pointers as $pointer) {
            FFI::addr($pointer)[0] = null;
        }
    }

    public function unlink(string $board): void
    {
        $name = Library::name($board);
        $this->library->check(fn (): int => $this->c->pegel_unlink($name));
    }

    public function publish(
        object $writer,
        string $record,
        int|string $present = Backend::ALL,
    ): int|string {
        if ($present !== Backend::ALL) {
            return $this->publishOn($writer, $this->c->PEGEL_ALWAYS, 0, $record, $present);
        }
        $size = strlen($record);
        return $this->sequence(fn (CData $sequence): int =>
            $this->c->pegel_writer_publish($writer, $record, $size, $sequence));
    }

    public function publishIf(
        object $writer,
        int|string $expected,
        string $record,
        int|string $present,
    ): int|string {
        return $this->publishOn($writer, $this->c->PEGEL_NEWEST, $expected, $record, $present);
    }

    public function publishUnlessFull(
        object $writer,
        int|string $acknowledged,
        string $record,
        int|string $present,
    ): int|string {
        return $this->publishOn(
            $writer,
            $this->c->PEGEL_ACKNOWLEDGED,
            $acknowledged,
            $record,
            $present
        );
    }

    private function publishOn(
        CData $writer,
        int $condition,
        int|string $sequence,
        string $record,
        int|string $present,
    ): int|string {
        $options = $this->c->new('pegel_publish_options');
        $size = FFI::sizeof($options);
        $bytes = pack('L2', $size, $condition) . Word::of($sequence) . Word::of($present);
        FFI::memcpy($options, $bytes, $size);
        [$address, $size] = [FFI::addr($options), strlen($record)];
        return $this->sequence(fn (CData $sequence): int =>
            $this->c->pegel_writer_publish_on($writer, $address, $record, $size, $sequence));
    }

    public function sync(object $writer): int|string
    {
        return $this->sequence(
            fn (CData $sequence): int => $this->c->pegel_writer_sync($writer, $sequence)
        );
    }

    /** @param callable(CData): int $call stores a sequence */
    private function sequence(callable $call): int|string
    {
        $sequence = $this->library->sequenceCell();
        $this->library->check(fn (): int => $call($sequence));
        return Library::inCell($sequence);
    }
}
