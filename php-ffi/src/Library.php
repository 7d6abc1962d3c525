<?php

declare(strict_types=1);

namespace Pegel;

use Error;
use FFI;
use FFI\CData;

// Each request calls these once: named here, they are not looked for in this namespace first.
use function error_get_last;
use function ini_get;
use function pcntl_async_signals;
use function register_shutdown_function;
use function spl_object_id;
use function str_contains;
use function str_repeat;
use function str_starts_with;
use function strlen;
use function substr;
use function unpack;
use function unserialize;

/**
 * libpegel in this request; nothing else touches \FFI. It takes and gives PHP's values, and readers and writers
 * as C has them.
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

    /**
     * What a page needs that reads, and nothing more, for FFI::cdef(): to parse a declaration and to look for its
     * function takes each request as long as to call it does.
     */
    private const READING = <<<'C'
        typedef struct pegel_reader pegel_reader;
        uint32_t pegel_abi_version(void);
        const char *pegel_version(void);
        const char *pegel_error_message(void);
        int32_t pegel_reader_open_cached(const char *board, pegel_reader **reader);
        void pegel_reader_close(pegel_reader *reader);
        const char *pegel_reader_user_data(const pegel_reader *reader);
        int32_t pegel_reader_snapshot(
            const pegel_reader *reader,
            void *snapshot,
            size_t snapshot_size,
            size_t stamp_size
        );
        C;

    /** Before what this package notes of a board; another version of it may stand in the same process. */
    private const NOTE = 'pegel-php 1 ';

    /** The longest, in nanoseconds, that a signal handler of pcntl waits for its turn. */
    private const SLICE = 200_000_000;

    /** Bytes of a document that there is room for at first: most have fewer. */
    private const ROOM = 4096;

    /** What PHP's message of a restricted FFI speaks of. */
    private const RESTRICTED = 'ffi.enable';

    private const README = 'the README of pegel/pegel, "Installing"';

    private const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

    private static ?self $instance = null;
    private static self|Files|null $forReading = null;

    /** Whether this PHP can call handlers of signals between any two of its steps. */
    private bool $hasSignals;

    /** One sequence, as the library tells it. */
    private ?CData $told = null;

    /** @var array<int, CData> Pointers to what is open, by their ids. */
    private array $readers = [];
    private array $writers = [];

    /** @param FFI|null $whole with all functions; null: bound as soon as one of them is needed */
    private function __construct(private FFI $c, private ?FFI $whole)
    {
        $this->hasSignals = function_exists('pcntl_async_signals');
        register_shutdown_function($this->closeAfterFatalError(...));
    }

    public static function instance(): self
    {
        try {
            return self::$instance ??= self::load();
        } catch (Error $cause) {
            throw self::unavailable($cause);
        }
    }

    /** For those who only read: PHP's own means if it may not use the library, unless one was asked for by name. */
    public static function forReading(): self|Files
    {
        return self::$forReading ??= self::chosen();
    }

    private static function chosen(): self|Files
    {
        if (self::setting('PEGEL_TIER') === 'files') {
            return new Files();
        }
        try {
            if (self::isForbidden()) {
                return new Files();
            }
            return self::$instance ??= self::load();
        } catch (Error $cause) {
            // Who names a library wants that one, wherever PHP may use any.
            $isNamed = self::setting('PEGEL_LIBRARY') !== '';
            return $isNamed && !self::isOff($cause) ? throw self::unavailable($cause) : new Files();
        }
    }

    /** Whether the settings alone say that there is no FFI here: a try would take as long as to read. */
    private static function isForbidden(): bool
    {
        $setting = strtolower((string) ini_get('ffi.enable'));
        return match ($setting) {
            '1', 'on', 'yes', 'true' => false,
            // Only the CLI, and what is preloaded, may use it.
            'preload' => PHP_SAPI !== 'cli' && (string) ini_get('opcache.preload') === '',
            default => (int) $setting === 0,
        };
    }

    /** Whether PHP may not use FFI at all: not that the library could not be bound. */
    private static function isOff(Error $cause): bool
    {
        return !$cause instanceof FFI\Exception || str_contains($cause->getMessage(), self::RESTRICTED);
    }

    private static function unavailable(Error $cause): Unavailable
    {
        $path = self::path();
        $preload = dirname(__DIR__) . '/preload.php';
        $advice = match (true) {
            str_contains($cause->getMessage(), 'undefined function')
                => 'take that out of disable_functions in php.ini, or of the pool',
            !extension_loaded('ffi') => 'install it (Debian: php-common), and set extension=ffi in php.ini',
            !self::isOff($cause) => 'build it with `cargo build --release -p pegel-cabi`, or set PEGEL_LIBRARY to its '
                . 'path',
            !$cause instanceof FFI\Exception => 'take FFI out of disable_classes in php.ini',
            default => "preload Pegel: opcache.preload=$preload in php.ini; or see its README",
        };
        return new Unavailable("cannot use libpegel ($path): {$cause->getMessage()}; $advice", $cause);
    }

    /**
     * How this PHP reaches boards, and what would let it do better; `pegel doctor --php` shows it.
     *
     * The tiers, best first: `scope` has the library from ffi.preload, `cdef` binds it in each request, `files` only
     * reads, without it; `none` can do neither. `preloaded`: PHP has these classes from opcache.preload.
     *
     * @return array{tier: 'scope'|'cdef'|'files'|'none', preloaded: bool, reads: bool, writes: bool, library: string,
     *     version: ?string, abi: ?int, advice: list<string>}
     */
    public static function describe(): array
    {
        [$reading, $writing, $advice] = [null, null, []];
        try {
            $reading = self::forReading();
            $writing = self::instance();
        } catch (Exception $reason) {
            $advice[] = $reason->getMessage();
        }
        $isScoped = $writing !== null && $writing->whole === $writing->c;
        if (!$isScoped && $writing !== null && PHP_SAPI !== 'cli') {
            $advice[] = 'each request binds the library anew; with ffi.preload it is there, see ' . self::README;
        }
        $status = function_exists('opcache_get_status') ? @opcache_get_status(false) : false;
        $isPreloaded = in_array(self::class, $status['preload_statistics']['classes'] ?? [], true);
        if (!$isPreloaded && PHP_SAPI !== 'cli') {
            $preload = dirname(__DIR__) . '/preload.php';
            $advice[] = "each request loads these classes anew; with opcache.preload=$preload they are there";
        }
        return [
            'tier' => match (true) {
                $reading === null => 'none',
                $reading instanceof Files => 'files',
                default => $isScoped ? 'scope' : 'cdef',
            },
            'preloaded' => $isPreloaded,
            'reads' => $reading !== null,
            'writes' => $writing !== null,
            'library' => self::mapped() ?? self::path(),
            'version' => $writing?->call($writing->c, 'pegel_version'),
            'abi' => $writing?->call($writing->c, 'pegel_abi_version'),
            'advice' => $advice,
        ];
    }

    /** The library's file that this process has, whoever named it. */
    private static function mapped(): ?string
    {
        $maps = (string) @file_get_contents('/proc/self/maps');
        return preg_match('~ (/.*libpegel\.so.*)$~m', $maps, $found) === 1 ? $found[1] : null;
    }

    private static function setting(string $name): string
    {
        return defined($name) ? (string) constant($name) : (string) getenv($name);
    }

    /** The library's file: PEGEL_LIBRARY, else the one built in this repository, else the installed one. */
    public static function path(): string
    {
        $wanted = self::setting('PEGEL_LIBRARY');
        if ($wanted !== '') {
            return $wanted;
        }
        $built = dirname(__DIR__, 2) . '/target/release/libpegel.so';
        // An open_basedir may leave it out, and would warn.
        return @is_file($built) ? $built : self::SONAME;
    }

    private static function load(): self
    {
        $preloaded = self::preloaded();
        $c = $preloaded ?? FFI::cdef(self::READING, self::path());
        $abi = $c->pegel_abi_version();
        if ($abi !== self::ABI) {
            $version = $c->pegel_version();
            $needed = self::ABI;
            throw new Unsupported("libpegel $version has ABI $abi, this package needs $needed; update the older one");
        }
        return new self($c, $preloaded);
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

    /**
     * All declarations of the library.
     *
     * `make cabi` and each installation put them here without the header's comments, which FFI would parse in each
     * request; a clone in which nothing was made has the header itself.
     */
    public static function header(): string
    {
        foreach ([__DIR__ . '/pegel.h', dirname(__DIR__, 2) . '/include/pegel.h'] as $path) {
            $header = @file_get_contents($path);
            if ($header !== false) {
                return $header;
            }
        }
        $path = __DIR__ . '/pegel.h';
        throw new Unavailable("cannot use libpegel: no $path; run `make cabi` in Pegel's repository, and copy it");
    }

    private function whole(): FFI
    {
        return $this->whole ??= FFI::cdef(self::header(), self::path());
    }

    /** A reader for the functions of whole(): each FFI object has types of its own. */
    private function own(CData $reader): CData
    {
        $whole = $this->whole();
        return $whole === $this->c ? $reader : $whole->cast('pegel_reader *', $reader);
    }

    /** @param list<Field> $fields */
    public function layout(array $fields): Schema
    {
        $entries = $this->fields($fields);
        $size = $this->whole()->new('size_t');
        $this->check($this->call($this->whole(), 'pegel_layout', $entries, count($fields), FFI::addr($size)));
        $place = fn (Field $field, Field $placed): Field => $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($place, $fields, self::unpack($entries)), $size->cdata);
    }

    public function unlink(string $board): void
    {
        $this->check($this->call($this->whole(), 'pegel_unlink', self::name($board)));
    }

    public function openReader(string $board): CData
    {
        $reader = $this->c->new('pegel_reader *');
        $this->check($this->call($this->c, 'pegel_reader_open_cached', self::name($board), FFI::addr($reader)));
        return $this->readers[spl_object_id($reader)] = $reader;
    }

    /** A reader for a program that was made for these fields, or that does not trust the board. */
    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): CData
    {
        $c = $this->whole();
        $reader = $this->c->new('pegel_reader *');
        $address = FFI::addr($reader);
        $entries = $schema === null ? null : $this->fields(array_values($schema->fields));
        $count = count($schema?->fields ?? []);
        $function = $untrusted ? 'pegel_reader_open_untrusted' : 'pegel_reader_open_as';
        $out = $c->cast('pegel_reader **', $address);
        $this->check($this->call($c, $function, self::name($board), $entries, $count, $schema?->details(), $out));
        return $this->readers[spl_object_id($reader)] = $reader;
    }

    public function openWriter(string $board, ?float $timeout): CData
    {
        $c = $this->whole();
        $writer = $c->new('pegel_writer *');
        $arguments = [self::name($board), Argument::nanoseconds($timeout), FFI::addr($writer)];
        $this->check($this->call($c, 'pegel_writer_open', ...$arguments));
        return $this->writers[spl_object_id($writer)] = $writer;
    }

    /** @param array<string, bool> $flags by their names in C */
    public function createWriter(
        string $board,
        Schema $schema,
        int $slots,
        int $mode,
        array $flags,
        ?float $timeout,
    ): CData {
        $c = $this->whole();
        $options = $c->new('pegel_options');
        $options->size = FFI::sizeof($options);
        $options->slots = Argument::u32($slots, 'slots');
        $options->mode = Argument::u32($mode, 'mode');
        $options->flags = $c->PEGEL_WHOLE;
        foreach (array_keys($flags, true, true) as $flag) {
            $options->flags |= $c->{"PEGEL_$flag"};
        }
        $options->timeout_ns = Argument::nanoseconds($timeout);
        $details = $schema->details();
        $text = $c->new('char[' . strlen($details) + 1 . ']');
        FFI::memcpy($text, $details, strlen($details));
        $options->details = FFI::addr($text[0]);
        $writer = $c->new('pegel_writer *');
        $fields = $this->fields(array_values($schema->fields));
        $arguments = [self::name($board), $fields, count($schema->fields), FFI::addr($options), FFI::addr($writer)];
        $this->check($this->call($c, 'pegel_writer_create', ...$arguments));
        return $this->writers[spl_object_id($writer)] = $writer;
    }

    /** The reader that a writer has of its own board, and closes with itself. */
    public function readerOf(CData $writer): CData
    {
        $reader = $this->c->new('pegel_reader *');
        $theirs = $this->call($this->whole(), 'pegel_writer_reader', $writer);
        FFI::addr($reader)[0] = $this->c->cast('pegel_reader *', $theirs);
        return $reader;
    }

    /** A C string ends at its first NUL, and would then name another board. */
    private static function name(string $board): string
    {
        return str_contains($board, "\0") ? throw Argument::isNoName($board) : $board;
    }

    public function closeReader(CData $reader): void
    {
        $this->call($this->c, 'pegel_reader_close', $reader);
        unset($this->readers[spl_object_id($reader)]);
    }

    public function closeWriter(CData $writer): void
    {
        $this->call($this->whole(), 'pegel_writer_close', $writer);
        unset($this->writers[spl_object_id($writer)]);
    }

    /**
     * PHP calls no destructor after a fatal error, an uncaught exception for one; a php-fpm worker would then
     * go on holding a writer's board until it ends.
     */
    private function closeAfterFatalError(): void
    {
        $type = error_get_last()['type'] ?? 0;
        // Most requests end without any error.
        if ($type === 0 || ($type & self::FATAL) === 0) {
            return;
        }
        $open = [...$this->writers, ...$this->readers];
        array_map($this->closeWriter(...), $this->writers);
        array_map($this->closeReader(...), $this->readers);
        // Other functions that run at the end may use them yet: they find NULL.
        foreach ($open as $pointer) {
            FFI::addr($pointer)[0] = null;
        }
    }

    public function schema(CData $reader, string $board): Schema
    {
        $fields = self::unpack($this->entries($reader));
        [$description, $fields] = Details::decode($this->details($reader), $fields, $board);
        return new Schema($fields, $this->infoOf($reader)->record_size, $description);
    }

    /**
     * How to decode what is read; a process works it out once for each board that it keeps open.
     *
     * @return array<mixed>
     */
    public function plan(CData $reader, string $board): array
    {
        $note = $this->call($this->c, 'pegel_reader_user_data', $reader);
        if ($note !== null && str_starts_with($note, self::NOTE)) {
            return unserialize(substr($note, strlen(self::NOTE)));
        }
        $schema = $this->schema($reader, $board);
        $rows = array_map(fn (Field $field): array => $field->row(), array_values($schema->fields));
        $plan = Decoder::plan($rows, $schema->recordSize);
        $note = self::NOTE . serialize($plan);
        $this->check($this->call($this->whole(), 'pegel_reader_set_user_data', $this->own($reader), $note));
        return $plan;
    }

    private function entries(CData $reader): CData
    {
        [$c, $reader] = [$this->whole(), $this->own($reader)];
        $count = $c->new('size_t[1]');
        $this->check($this->call($c, 'pegel_reader_fields', $reader, null, 0, $count));
        $entries = $c->new("pegel_field[{$count[0]}]");
        $this->check($this->call($c, 'pegel_reader_fields', $reader, $entries, $count[0], $count));
        return $entries;
    }

    private function details(CData $reader): string
    {
        [$c, $reader] = [$this->whole(), $this->own($reader)];
        $length = $c->new('size_t[1]');
        $this->check($this->call($c, 'pegel_reader_details', $reader, null, 0, $length));
        $room = $length[0] + 1;
        if ($room === 1) {
            return '';
        }
        $text = $c->new("char[$room]");
        $this->check($this->call($c, 'pegel_reader_details', $reader, $text, $room, $length));
        return FFI::string($text, $length[0]);
    }

    public function info(CData $reader): Info
    {
        $info = $this->infoOf($reader);
        [$hash, $lineage] = [sprintf('%016x', $info->schema_hash), sprintf('%016x', $info->lineage)];
        return new Info(
            $info->record_size,
            $info->slots,
            $hash,
            $info->generation,
            $info->mode,
            $lineage,
            ($info->flags & $this->whole()->PEGEL_CHECKSUM) !== 0,
            ($info->flags & $this->whole()->PEGEL_DURABLE) !== 0,
            ($info->flags & $this->whole()->PEGEL_MIRROR) !== 0,
        );
    }

    private function infoOf(CData $reader): CData
    {
        $info = $this->whole()->new('pegel_info');
        $info->size = FFI::sizeof($info);
        $this->check($this->call($this->whole(), 'pegel_reader_info', $this->own($reader), FFI::addr($info)));
        return $info;
    }

    public function sequence(CData $reader): int
    {
        $sequence = $this->call($this->whole(), 'pegel_reader_sequence', $this->own($reader));
        // UINT64_MAX, which is not a sequence.
        return $sequence !== -1 ? $sequence : throw new Gone($this->call($this->c, 'pegel_error_message'));
    }

    public function writerAlive(CData $reader): bool
    {
        $alive = $this->whole()->new('int32_t');
        $this->check($this->call($this->whole(), 'pegel_reader_writer_alive', $this->own($reader), FFI::addr($alive)));
        return $alive->cdata !== 0;
    }

    /**
     * The newest publication: its stamp, and behind it the record.
     *
     * @param int $size bytes of both; of a document, that there may be at most
     */
    public function read(CData $reader, int $size, bool $isDocument): string
    {
        $room = $isDocument && $size > self::ROOM ? self::ROOM : $size;
        while (true) {
            // C writes into this string. That is sound as long as nobody else has it: it is new, and never PHP's only
            // one of its text, since it has more than one byte and its length is known no sooner than here.
            $publication = str_repeat("\0", $room);
            // As call() does, which takes a quarter of a read's time.
            $isAsync = $this->hasSignals && pcntl_async_signals(false);
            $status = $this->c->pegel_reader_snapshot($reader, $publication, $room, self::STAMP);
            if ($isAsync) {
                self::handleSignals();
            }
            if ($status === 0) {
                break;
            }
            $room = $this->more($status, $room, $size);
        }
        return $isDocument ? substr($publication, 0, self::STAMP + unpack('L', $publication, 8)[1]) : $publication;
    }

    /** The same of a sequence, or of the first one after it, by the name of the library's function. */
    public function readNumbered(CData $reader, int $size, bool $isDocument, string $function, int $sequence): string
    {
        $c = $this->whole();
        $reader = $this->own($reader);
        $room = $isDocument && $size > self::ROOM ? self::ROOM : $size;
        while (true) {
            $stamp = $c->new('pegel_stamp');
            $stamp->size = self::STAMP;
            // As above.
            $record = str_repeat("\0", $room);
            $status = $this->call($c, $function, $reader, $sequence, $record, $room - self::STAMP, FFI::addr($stamp));
            if ($status === 0) {
                return FFI::string(FFI::addr($stamp), self::STAMP) . substr($record, 0, $stamp->record_size);
            }
            $room = $this->more($status, $room, $size);
        }
    }

    /** The room for another attempt, after one for which there was too little; else it failed otherwise. */
    private function more(int $status, int $room, int $size): int
    {
        if ($status !== TooLarge::CODE || $room === $size) {
            $this->check($status);
        }
        return min($room * 4, $size);
    }

    private function told(): CData
    {
        return $this->told ??= $this->whole()->new('uint64_t[1]');
    }

    public function wait(CData $reader, int $after, ?float $timeout): int
    {
        [$c, $reader] = [$this->whole(), $this->own($reader)];
        $left = Argument::nanoseconds($timeout);
        $end = hrtime(true) + $left;
        do {
            $slice = $left < 0 ? self::SLICE : min($left, self::SLICE);
            $isLast = $left === $slice;
            $status = $this->call($c, 'pegel_reader_wait', $reader, $after, $slice, $this->told());
            $left = $left < 0 ? $left : max(0, $end - hrtime(true));
        } while ($status === Timeout::CODE && !$isLast);
        $this->check($status);
        return $this->told[0];
    }

    public function publish(CData $writer, string $record, int $present = self::ALL): int
    {
        if ($present !== self::ALL) {
            return $this->publishOn($writer, $this->whole()->PEGEL_ALWAYS, 0, $record, $present);
        }
        $arguments = [$writer, $record, strlen($record), $this->told()];
        $this->check($this->call($this->whole(), 'pegel_writer_publish', ...$arguments));
        return $this->told[0];
    }

    public function publishIf(CData $writer, int $expected, string $record, int $present): int
    {
        return $this->publishOn($writer, $this->whole()->PEGEL_NEWEST, $expected, $record, $present);
    }

    public function publishUnlessFull(CData $writer, int $acknowledged, string $record, int $present): int
    {
        return $this->publishOn($writer, $this->whole()->PEGEL_ACKNOWLEDGED, $acknowledged, $record, $present);
    }

    private function publishOn(CData $writer, int $condition, int $sequence, string $record, int $present): int
    {
        $c = $this->whole();
        $publication = $c->new('pegel_publish_options');
        $publication->size = FFI::sizeof($publication);
        $publication->condition = $condition;
        $publication->sequence = $sequence;
        $publication->present = $present;
        $arguments = [$writer, FFI::addr($publication), $record, strlen($record), $this->told()];
        $this->check($this->call($c, 'pegel_writer_publish_on', ...$arguments));
        return $this->told[0];
    }

    public function sync(CData $writer): int
    {
        $this->check($this->call($this->whole(), 'pegel_writer_sync', $writer, $this->told()));
        return $this->told[0];
    }

    /** @param list<Field> $fields */
    private function fields(array $fields): CData
    {
        $count = count($fields);
        $entries = $this->whole()->new("pegel_field[$count]");
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

    /**
     * Calls a function of the library, and then the handlers of signals that arrived meanwhile. PHP 8.4 would call them
     * in the frame of a function that is gone, and crash where they throw or ask for a backtrace.
     */
    private function call(FFI $c, string $function, mixed ...$arguments): mixed
    {
        $isAsync = $this->hasSignals && pcntl_async_signals(false);
        $result = $c->$function(...$arguments);
        if ($isAsync) {
            self::handleSignals();
        }
        return $result;
    }

    private static function handleSignals(): void
    {
        pcntl_async_signals(true);
        pcntl_signal_dispatch();
    }

    private function check(int $status): void
    {
        if ($status !== 0) {
            throw Exception::of($status, $this->call($this->c, 'pegel_error_message'));
        }
    }
}
