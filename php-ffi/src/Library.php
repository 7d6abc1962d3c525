<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

/**
 * libpegel in this request; nothing else touches \FFI. It takes and gives PHP's values, and handles that only
 * it looks into.
 *
 * @internal
 */
final class Library
{
    /** What FFI::scope() knows the library by; bin/pegel-preload writes it into the header for ffi.preload. */
    public const SCOPE = 'PEGEL';

    /** The name by which the system's loader finds an installed library. */
    public const SONAME = 'libpegel.so.1';

    /** The bits of all optional fields: they are known. */
    public const ALL = -1;

    private const ABI = 1;

    /** The longest, in nanoseconds, that a signal handler of pcntl waits for its turn. */
    private const SLICE = 200_000_000;

    private static ?self $instance = null;

    private CData $buffer;
    private int $room = 0;
    private CData $stamp;
    private CData $stampAddress;
    private CData $sequence;
    private CData $sequenceAddress;

    /** @var array<int, Handle> By their ids. */
    private array $open = [];

    private function __construct(private FFI $c)
    {
        $this->stamp = $c->new('pegel_stamp');
        $this->stamp->size = FFI::sizeof($this->stamp);
        $this->stampAddress = FFI::addr($this->stamp);
        $this->sequence = $c->new('uint64_t');
        $this->sequenceAddress = FFI::addr($this->sequence);
        register_shutdown_function($this->closeAfterFatalError(...));
    }

    public static function instance(): self
    {
        return self::$instance ??= self::load();
    }

    /** The library's file: PEGEL_LIBRARY, else the one built in this repository, else the installed one. */
    public static function path(): string
    {
        $wanted = defined('PEGEL_LIBRARY') ? (string) constant('PEGEL_LIBRARY') : (string) getenv('PEGEL_LIBRARY');
        if ($wanted !== '') {
            return $wanted;
        }
        $built = dirname(__DIR__, 2) . '/target/release/libpegel.so';
        return is_file($built) ? $built : self::SONAME;
    }

    private static function load(): self
    {
        if (!extension_loaded('ffi')) {
            throw new Unavailable(
                'PHP has no FFI: install it (Debian: php-common has it) and set extension=ffi in php.ini'
            );
        }
        $c = self::preloaded() ?? self::bind();
        $abi = $c->pegel_abi_version();
        if ($abi !== self::ABI) {
            $version = $c->pegel_version();
            $needed = self::ABI;
            throw new Unsupported("libpegel $version has ABI $abi, this package needs $needed; update the older one");
        }
        return new self($c);
    }

    private static function preloaded(): ?FFI
    {
        if ((string) ini_get('ffi.preload') === '') {
            return null;
        }
        try {
            return FFI::scope(self::SCOPE);
        } catch (FFI\Exception) {
            return null;
        }
    }

    private static function bind(): FFI
    {
        $path = self::path();
        try {
            return FFI::cdef(file_get_contents(__DIR__ . '/pegel.h'), $path);
        } catch (FFI\Exception $cause) {
            $advice = str_contains($cause->getMessage(), 'ffi.enable')
                ? 'preload Pegel: opcache.preload=' . dirname(__DIR__) . '/preload.php in php.ini; or see its README'
                : 'build it with `cargo build --release -p pegel-cabi`, or set PEGEL_LIBRARY to its path';
            throw new Unavailable("cannot use libpegel ($path): {$cause->getMessage()}; $advice", $cause);
        }
    }

    public function version(): string
    {
        return $this->c->pegel_version();
    }

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema
    {
        $entries = $this->fields($fields);
        $size = $this->c->new('size_t');
        $this->check($this->c->pegel_layout($entries, count($fields), FFI::addr($size)));
        $place = fn (Field $field, Field $placed): Field => $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($place, $fields, self::unpack($entries, count($fields))), $size->cdata);
    }

    public function unlink(string $board): void
    {
        $this->check($this->c->pegel_unlink(Argument::text($board)));
    }

    public function openReader(string $board): Handle
    {
        $reader = $this->c->new('pegel_reader *');
        $this->check($this->c->pegel_reader_open(Argument::text($board), FFI::addr($reader)));
        return $this->hold(new Handle($board, $reader));
    }

    /** A reader for a program that was made for these fields, or that does not trust the board. */
    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): Handle
    {
        $reader = $this->c->new('pegel_reader *');
        $fields = array_values($schema?->fields ?? []);
        $function = $untrusted ? 'pegel_reader_open_untrusted' : 'pegel_reader_open_as';
        $status = $this->c->$function(
            Argument::text($board),
            $fields === [] ? null : $this->fields($fields),
            count($fields),
            $schema?->details(),
            FFI::addr($reader)
        );
        $this->check($status);
        return $this->hold(new Handle($board, $reader));
    }

    public function openWriter(string $board, ?float $timeout): Handle
    {
        $writer = $this->c->new('pegel_writer *');
        $nanoseconds = Argument::nanoseconds($timeout);
        $this->check($this->c->pegel_writer_open(Argument::text($board), $nanoseconds, FFI::addr($writer)));
        return $this->hold(new Handle($board, $this->c->pegel_writer_reader($writer), $writer));
    }

    public function createWriter(
        string $board,
        Schema $schema,
        int $slots,
        int $mode,
        bool $replace,
        ?float $timeout,
    ): Handle {
        $options = $this->c->new('pegel_options');
        $options->size = FFI::sizeof($options);
        $options->slots = Argument::u32($slots, 'slots');
        $options->mode = Argument::u32($mode, 'mode');
        $options->flags = $this->c->PEGEL_WHOLE | ($replace ? $this->c->PEGEL_REPLACE : 0);
        $options->timeout_ns = Argument::nanoseconds($timeout);
        $details = $schema->details();
        $text = $this->c->new('char[' . strlen($details) + 1 . ']');
        FFI::memcpy($text, $details, strlen($details));
        $options->details = FFI::addr($text[0]);
        $writer = $this->c->new('pegel_writer *');
        $status = $this->c->pegel_writer_create(
            Argument::text($board),
            $this->fields(array_values($schema->fields)),
            count($schema->fields),
            FFI::addr($options),
            FFI::addr($writer)
        );
        $this->check($status);
        return $this->hold(new Handle($board, $this->c->pegel_writer_reader($writer), $writer));
    }

    private function hold(Handle $handle): Handle
    {
        return $this->open[spl_object_id($handle)] = $handle;
    }

    /** Closes a handle; one that is closed already stays so. */
    public function close(Handle $handle): void
    {
        if ($handle->writer !== null) {
            $this->c->pegel_writer_close($handle->writer);
        } elseif ($handle->reader !== null) {
            $this->c->pegel_reader_close($handle->reader);
        }
        $handle->writer = $handle->reader = null;
        unset($this->open[spl_object_id($handle)]);
    }

    /**
     * PHP calls no destructor after a fatal error, an uncaught exception for one; a php-fpm worker would then
     * go on holding a writer's board until it ends.
     */
    private function closeAfterFatalError(): void
    {
        $fatal = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
        if (((error_get_last()['type'] ?? 0) & $fatal) !== 0) {
            array_map($this->close(...), $this->open);
        }
    }

    public function schema(Handle $handle): Schema
    {
        $info = $this->describe($handle);
        $entries = $this->c->new("pegel_field[$info->field_count]");
        $count = $this->c->new('size_t');
        $status = $this->c->pegel_reader_fields($handle->reader(), $entries, $info->field_count, FFI::addr($count));
        $this->check($status);
        $fields = self::unpack($entries, $count->cdata);
        [$description, $fields] = Details::decode($this->details($handle), $fields, $handle->board);
        return new Schema($fields, $info->record_size, $description);
    }

    private function details(Handle $handle): string
    {
        $length = $this->c->new('size_t');
        $this->check($this->c->pegel_reader_details($handle->reader(), null, 0, FFI::addr($length)));
        $room = $length->cdata + 1;
        if ($room === 1) {
            return '';
        }
        $text = $this->c->new("char[$room]");
        $this->check($this->c->pegel_reader_details($handle->reader(), $text, $room, FFI::addr($length)));
        return FFI::string($text, $length->cdata);
    }

    public function info(Handle $handle): Info
    {
        $info = $this->describe($handle);
        $hash = sprintf('%016x', $info->schema_hash);
        $lineage = sprintf('%016x', $info->lineage);
        return new Info($info->record_size, $info->slots, $hash, $info->generation, $info->mode, $lineage);
    }

    private function describe(Handle $handle): CData
    {
        $info = $this->c->new('pegel_info');
        $info->size = FFI::sizeof($info);
        $this->check($this->c->pegel_reader_info($handle->reader(), FFI::addr($info)));
        return $info;
    }

    public function sequence(Handle $handle): int
    {
        return $this->c->pegel_reader_sequence($handle->reader());
    }

    public function writerAlive(Handle $handle): bool
    {
        $alive = $this->c->new('int32_t');
        $this->check($this->c->pegel_reader_writer_alive($handle->reader(), FFI::addr($alive)));
        return $alive->cdata !== 0;
    }

    /**
     * The newest record, the one of a sequence, or the first one after it, by the name of the library's function.
     *
     * @return array{string, int, int, int, int, int} bytes, sequence, generation, published_ns, age_ns, present
     */
    public function read(Handle $handle, Schema $schema, string $function, int ...$sequence): array
    {
        $reader = $handle->reader();
        foreach ($sequence as $number) {
            Argument::sequence($number, $handle->board);
        }
        // A document is mostly far shorter than its capacity.
        $needed = $schema->document === null ? $schema->recordSize : min($schema->recordSize, 4096);
        do {
            $this->reserve($needed);
            $room = [$this->buffer, $this->room, $this->stampAddress];
            $status = $this->c->$function($reader, ...$sequence, ...$room);
            $needed = min($schema->recordSize, $this->room * 4);
        } while ($status === TooLarge::CODE && $this->room < $needed);
        $this->check($status);
        $stamp = $this->stamp;
        return [
            FFI::string($this->buffer, $stamp->record_size),
            $stamp->sequence,
            $stamp->generation,
            $stamp->published_ns,
            $stamp->age_ns,
            $schema->hasOptional ? $stamp->present : self::ALL,
        ];
    }

    /** Publications before the one that was read last that the ring no longer held. */
    public function missed(): int
    {
        return $this->stamp->missed;
    }

    private function reserve(int $bytes): void
    {
        if ($bytes > $this->room) {
            $this->buffer = $this->c->new("char[$bytes]");
            $this->room = $bytes;
        }
    }

    public function wait(Handle $handle, int $after, ?float $timeout): int
    {
        Argument::sequence($after, $handle->board);
        $reader = $handle->reader();
        $left = Argument::nanoseconds($timeout);
        $end = hrtime(true) + $left;
        do {
            $slice = $left < 0 ? self::SLICE : min($left, self::SLICE);
            $isLast = $left === $slice;
            $status = $this->c->pegel_reader_wait($reader, $after, $slice, $this->sequenceAddress);
            $left = $left < 0 ? $left : max(0, $end - hrtime(true));
        } while ($status === Timeout::CODE && !$isLast);
        $this->check($status);
        return $this->sequence->cdata;
    }

    public function publish(Handle $handle, string $record, int $present = self::ALL): int
    {
        if ($present !== self::ALL) {
            return $this->publishOn($handle, $this->c->PEGEL_ALWAYS, 0, $record, $present);
        }
        [$writer, $size] = [$handle->writer(), strlen($record)];
        $this->check($this->c->pegel_writer_publish($writer, $record, $size, $this->sequenceAddress));
        return $this->sequence->cdata;
    }

    public function publishIf(Handle $handle, int $expected, string $record, int $present): int
    {
        return $this->publishOn($handle, $this->c->PEGEL_NEWEST, $expected, $record, $present);
    }

    public function publishAfter(Handle $handle, int $acknowledged, string $record, int $present): int
    {
        return $this->publishOn($handle, $this->c->PEGEL_ACKNOWLEDGED, $acknowledged, $record, $present);
    }

    private function publishOn(Handle $handle, int $condition, int $sequence, string $record, int $present): int
    {
        $publication = $this->c->new('pegel_publication');
        $publication->size = FFI::sizeof($publication);
        $publication->condition = $condition;
        $publication->sequence = Argument::sequence($sequence, $handle->board);
        $publication->present = $present;
        $status = $this->c->pegel_writer_publish_on(
            $handle->writer(),
            FFI::addr($publication),
            $record,
            strlen($record),
            $this->sequenceAddress
        );
        $this->check($status);
        return $this->sequence->cdata;
    }

    /** @param list<Field> $fields */
    private function fields(array $fields): CData
    {
        $count = count($fields);
        $entries = $this->c->new("pegel_field[$count]");
        $bytes = implode('', array_map(fn (Field $field): string => $field->pack(), $fields));
        FFI::memcpy($entries, $bytes, strlen($bytes));
        return $entries;
    }

    /** @return list<Field> */
    private static function unpack(CData $entries, int $count): array
    {
        $bytes = FFI::string(FFI::addr($entries[0]), $count * Field::BYTES);
        return array_map(Field::unpack(...), str_split($bytes, Field::BYTES));
    }

    private function check(int $status): void
    {
        if ($status !== 0) {
            throw Exception::of($status, $this->c->pegel_error_message());
        }
    }
}
