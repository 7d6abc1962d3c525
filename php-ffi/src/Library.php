<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

// Each request calls these once: named here, they are not looked for in this namespace first.
use function error_get_last;
use function extension_loaded;
use function ini_get;
use function intdiv;
use function register_shutdown_function;
use function spl_object_id;
use function str_contains;

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

    /** Bytes of a pegel_stamp; a record stands behind it. */
    public const STAMP = 64;

    private const ABI = 1;

    /** The longest, in nanoseconds, that a signal handler of pcntl waits for its turn. */
    private const SLICE = 200_000_000;

    /** Bytes of a record that there is room for at first: most records, and most documents, have fewer. */
    private const ROOM = 4096;

    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

    private static ?self $instance = null;

    /** One sequence, as the library tells it. */
    private ?CData $told = null;

    /** @var array<int, Handle> By their ids. */
    private array $open = [];

    private function __construct(private FFI $c)
    {
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
            throw new Unavailable('PHP has no FFI: install it (Debian: php-common) and set extension=ffi in php.ini');
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

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema
    {
        $entries = $this->fields($fields);
        $size = $this->c->new('size_t');
        $this->check($this->c->pegel_layout($entries, count($fields), FFI::addr($size)));
        $place = fn (Field $field, Field $placed): Field => $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($place, $fields, self::unpack($entries)), $size->cdata);
    }

    public function unlink(string $board): void
    {
        $this->check($this->c->pegel_unlink(self::name($board)));
    }

    public function openReader(string $board): Handle
    {
        $reader = $this->c->new('pegel_reader *');
        $this->check($this->c->pegel_reader_open_kept(self::name($board), FFI::addr($reader)));
        return $this->hold(new Handle($board, $reader));
    }

    /** A reader for a program that was made for these fields, or that does not trust the board. */
    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): Handle
    {
        $reader = $this->c->new('pegel_reader *');
        $entries = $schema === null ? null : $this->fields(array_values($schema->fields));
        $count = count($schema?->fields ?? []);
        $function = $untrusted ? 'pegel_reader_open_untrusted' : 'pegel_reader_open_as';
        $arguments = [self::name($board), $entries, $count, $schema?->details(), FFI::addr($reader)];
        $this->check($this->c->$function(...$arguments));
        return $this->hold(new Handle($board, $reader));
    }

    public function openWriter(string $board, ?float $timeout): Handle
    {
        $writer = $this->c->new('pegel_writer *');
        $nanoseconds = Argument::nanoseconds($timeout);
        $this->check($this->c->pegel_writer_open(self::name($board), $nanoseconds, FFI::addr($writer)));
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
        $fields = $this->fields(array_values($schema->fields));
        $arguments = [self::name($board), $fields, count($schema->fields), FFI::addr($options), FFI::addr($writer)];
        $this->check($this->c->pegel_writer_create(...$arguments));
        return $this->hold(new Handle($board, $this->c->pegel_writer_reader($writer), $writer));
    }

    /** A C string ends at its first NUL, and would then name another board. */
    private static function name(string $board): string
    {
        return str_contains($board, "\0") ? throw Argument::isNoName($board) : $board;
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
        $type = error_get_last()['type'] ?? 0;
        // Most requests end without any error.
        if ($type !== 0 && ($type & self::FATAL) !== 0) {
            array_map($this->close(...), $this->open);
        }
    }

    public function schema(Handle $handle): Schema
    {
        $fields = self::unpack($this->entries($handle));
        [$description, $fields] = Details::decode($this->details($handle), $fields, $handle->board);
        return new Schema($fields, $this->describe($handle)->record_size, $description);
    }

    /** For what is read; and makes room for it. */
    public function decoder(Handle $handle): Decoder
    {
        $this->reserve($handle, self::ROOM);
        $decoder = new Decoder();
        foreach ($this->entries($handle) as $entry) {
            $name = FFI::string($entry->name);
            $decoder->add($name, $entry->type, $entry->size, $entry->count, $entry->offset);
        }
        return $decoder;
    }

    private function entries(Handle $handle): CData
    {
        $count = $this->c->new('size_t[1]');
        $this->check($this->c->pegel_reader_fields($handle->reader(), null, 0, $count));
        $entries = $this->c->new("pegel_field[{$count[0]}]");
        $this->check($this->c->pegel_reader_fields($handle->reader(), $entries, $count[0], $count));
        return $entries;
    }

    private function details(Handle $handle): string
    {
        $length = $this->c->new('size_t[1]');
        $this->check($this->c->pegel_reader_details($handle->reader(), null, 0, $length));
        $room = $length[0] + 1;
        if ($room === 1) {
            return '';
        }
        $text = $this->c->new("char[$room]");
        $this->check($this->c->pegel_reader_details($handle->reader(), $text, $room, $length));
        return FFI::string($text, $length[0]);
    }

    public function info(Handle $handle): Info
    {
        $info = $this->describe($handle);
        [$hash, $lineage] = [sprintf('%016x', $info->schema_hash), sprintf('%016x', $info->lineage)];
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

    /** The newest publication: its stamp, and behind it the record. */
    public function read(Handle $handle): string
    {
        $c = $this->c;
        while ($status = $c->pegel_reader_read($handle->reader, $handle->record, $handle->room, $handle->stamp)) {
            $this->makeRoom($handle, $status);
        }
        return FFI::string($handle->place, self::STAMP + $handle->stamp->record_size);
    }

    /** The same of a sequence, or of the first one after it, by the name of the library's function. */
    public function readNumbered(Handle $handle, string $function, int $sequence): string
    {
        [$c, $reader] = [$this->c, $handle->reader()];
        Argument::sequence($sequence, $handle->board);
        while ($status = $c->$function($reader, $sequence, $handle->record, $handle->room, $handle->stamp)) {
            $this->makeRoom($handle, $status);
        }
        return FFI::string($handle->place, self::STAMP + $handle->stamp->record_size);
    }

    /** Returns when there is more room than a read found too little; else it failed otherwise. */
    private function makeRoom(Handle $handle, int $status): void
    {
        $handle->reader();
        $whole = $status === TooLarge::CODE ? $this->describe($handle)->record_size : 0;
        if ($whole <= $handle->room) {
            $this->check($status);
        }
        // A document is mostly far shorter than its capacity.
        $this->reserve($handle, min($whole, $handle->room * 4));
    }

    private function reserve(Handle $handle, int $bytes): void
    {
        $stamps = 1 + intdiv($bytes + self::STAMP - 1, self::STAMP);
        $handle->place = $this->c->new("pegel_stamp[$stamps]");
        $handle->stamp = FFI::addr($handle->place[0]);
        $handle->stamp->size = self::STAMP;
        $handle->record = FFI::addr($handle->place[1]);
        $handle->room = $bytes;
    }

    private function told(): CData
    {
        return $this->told ??= $this->c->new('uint64_t[1]');
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
            $status = $this->c->pegel_reader_wait($reader, $after, $slice, $this->told());
            $left = $left < 0 ? $left : max(0, $end - hrtime(true));
        } while ($status === Timeout::CODE && !$isLast);
        $this->check($status);
        return $this->told[0];
    }

    public function publish(Handle $handle, string $record, int $present = self::ALL): int
    {
        if ($present !== self::ALL) {
            return $this->publishOn($handle, $this->c->PEGEL_ALWAYS, 0, $record, $present);
        }
        [$writer, $size] = [$handle->writer(), strlen($record)];
        $this->check($this->c->pegel_writer_publish($writer, $record, $size, $this->told()));
        return $this->told[0];
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
        [$writer, $how] = [$handle->writer(), FFI::addr($publication)];
        $this->check($this->c->pegel_writer_publish_on($writer, $how, $record, strlen($record), $this->told()));
        return $this->told[0];
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
    private static function unpack(CData $entries): array
    {
        $bytes = str_split(FFI::string($entries, FFI::sizeof($entries)), Field::BYTES);
        return array_map(Field::unpack(...), $bytes);
    }

    private function check(int $status): void
    {
        if ($status !== 0) {
            throw Exception::of($status, $this->c->pegel_error_message());
        }
    }
}
