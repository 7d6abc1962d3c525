<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

// Each request calls these: a name that is imported is not looked up in this namespace first.
use function error_get_last;
use function explode;
use function function_exists;
use function ini_get;
use function pcntl_async_signals;
use function register_shutdown_function;
use function spl_object_id;
use function str_contains;
use function str_repeat;
use function substr;
use function unpack;

/**
 * Reads boards by libpegel. Only this class, LibraryWriter and Loader use \FFI.
 *
 * It is a Backend without saying so: to load and link the interface would take a page as long as
 * the read. TierTest compares the signatures.
 *
 * @internal
 */
final class Library
{
    private const ABI = 1;

    // Those of Backend, which a page then need not load.
    private const PLAN = 'pegel-php 3';
    private const STAMP = 64;

    /** The first size of the buffer for a document, in bytes: most documents are shorter. */
    public const BUFFER = 4096;

    /** With the namespace of each name: PHP would evaluate others in each request. */
    public const FATAL = \E_ERROR | \E_PARSE | \E_CORE_ERROR | \E_COMPILE_ERROR | \E_USER_ERROR
        | \E_RECOVERABLE_ERROR;

    // Properties without types: PHP checks those of arguments in half the time.

    /** @var FFI */
    private $c;

    /** @var FFI|null With all functions; null: bound as soon as one of them is needed. */
    private $whole;

    /** @var bool Whether this PHP can run signal handlers at any time (pcntl). */
    private $hasSignals;

    /** @var LibraryBoards|null */
    private $boards = null;

    /** @var CData|null Where the library writes a sequence. */
    private $sequence = null;

    /** @var array<int, CData> Pointers to the open readers, by their ids. */
    private $readers = [];

    public function __construct()
    {
        $c = null;
        if ((string) ini_get('ffi.preload') !== '') {
            try {
                $c = FFI::scope(Loader::SCOPE);
            } catch (FFI\Exception) {
                // Another library is preloaded.
            }
        }
        $this->whole = $c;
        $this->c = $c ??= FFI::cdef(Loader::READING, Loader::path());
        $abi = $c->pegel_abi_version();
        if ($abi !== self::ABI) {
            [$version, $needed] = [$c->pegel_version(), self::ABI];
            throw new Unsupported(
                "libpegel $version has ABI $abi, and this package needs ABI $needed. Update the "
                . 'older one'
            );
        }
        $this->hasSignals = function_exists('pcntl_async_signals');
        register_shutdown_function([$this, 'closeAfterFatalError']);
    }

    /** Whether the library came from ffi.preload. */
    public function isPreloaded(): bool
    {
        return $this->whole === $this->c;
    }

    public function version(): string
    {
        return $this->guarded(fn (): string => $this->c->pegel_version());
    }

    public function abi(): int
    {
        return $this->guarded(fn (): int => $this->c->pegel_abi_version());
    }

    /** The library with all its functions. */
    public function whole(): FFI
    {
        return $this->whole ??= FFI::cdef(Loader::header(), Loader::path());
    }

    /**
     * All functions, and a reader for them: each FFI object has types of its own.
     *
     * @return array{FFI, CData}
     */
    public function bound(CData $reader): array
    {
        $whole = $this->whole();
        return [$whole, $whole === $this->c ? $reader : $whole->cast('pegel_reader *', $reader)];
    }

    /** A pointer of whole() as a reader of this class. */
    public function reader(CData $pointer): CData
    {
        $reader = $this->c->new('pegel_reader *');
        FFI::addr($reader)[0] = $this->c->cast('pegel_reader *', $pointer);
        return $reader;
    }

    public function layout(array $fields): Schema
    {
        return $this->boards()->layout($fields);
    }

    public function openReader(string $board): CData
    {
        if (str_contains($board, "\0")) {
            throw Argument::nulInName($board);
        }
        $c = $this->c;
        $reader = $c->new('pegel_reader *');
        // As check() does, with fewer instructions.
        $isAsync = $this->hasSignals && pcntl_async_signals(false);
        $status = $c->pegel_reader_open_cached($board, FFI::addr($reader));
        if ($isAsync) {
            self::handleSignals();
        }
        if ($status !== 0) {
            throw $this->failure($status);
        }
        return $this->readers[spl_object_id($reader)] = $reader;
    }

    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): CData
    {
        $c = $this->whole();
        $name = self::name($board);
        $reader = $this->c->new('pegel_reader *');
        $out = $c->cast('pegel_reader **', FFI::addr($reader));
        $entries = $schema === null ? null : $this->boards()->fields(array_values($schema->fields));
        [$count, $details] = [count($schema?->fields ?? []), $schema?->details()];
        $this->check(fn (): int => $untrusted
            ? $c->pegel_reader_open_untrusted($name, $entries, $count, $details, $out)
            : $c->pegel_reader_open_as($name, $entries, $count, $details, $out));
        return $this->readers[spl_object_id($reader)] = $reader;
    }

    /** A C string ends at its first NUL, and would then name another board. */
    public static function name(string $board): string
    {
        return str_contains($board, "\0") ? throw Argument::nulInName($board) : $board;
    }

    public function closeReader(object $reader): void
    {
        unset($this->readers[spl_object_id($reader)]);
        $isAsync = $this->hasSignals && pcntl_async_signals(false);
        $this->c->pegel_reader_close($reader);
        if ($isAsync) {
            self::handleSignals();
        }
    }

    /**
     * PHP calls no destructor after a fatal error: a php-fpm worker would then keep what is open.
     */
    public function closeAfterFatalError(): void
    {
        $error = error_get_last();
        // Most requests end without any error.
        if ($error === null || ($error['type'] & self::FATAL) === 0) {
            return;
        }
        foreach ($this->readers as $reader) {
            $this->closeReader($reader);
            // Other shutdown functions may use the reader: they find NULL.
            FFI::addr($reader)[0] = null;
        }
    }

    public function schema(object $reader, string $board): Schema
    {
        return $this->boards()->schema($reader, $board);
    }

    /** A process works the plan out once for each board that it keeps open. */
    public function plan(object $reader, string $board): array
    {
        $isAsync = $this->hasSignals && pcntl_async_signals(false);
        $data = $this->c->pegel_reader_user_data($reader);
        if ($isAsync) {
            self::handleSignals();
        }
        $plan = explode("\n", (string) $data);
        if ($plan[0] === self::PLAN) {
            return $plan;
        }
        $schema = $this->schema($reader, $board);
        $rows = array_map(fn (Field $field): array => $field->row(), array_values($schema->fields));
        $plan = Decoder::plan($rows, $schema->recordSize);
        [$c, $own] = $this->bound($reader);
        $data = implode("\n", $plan);
        $this->check(fn (): int => $c->pegel_reader_set_user_data($own, $data));
        return $plan;
    }

    public function info(object $reader): Info
    {
        return $this->boards()->info($reader);
    }

    public function boards(): LibraryBoards
    {
        return $this->boards ??= new LibraryBoards($this);
    }

    public function sequence(object $reader): int|string
    {
        return $this->boards()->sequence($reader);
    }

    public function writerAlive(object $reader): bool
    {
        [$c, $own] = $this->bound($reader);
        $alive = $c->new('int32_t');
        $this->check(fn (): int => $c->pegel_reader_writer_alive($own, FFI::addr($alive)));
        return $alive->cdata !== 0;
    }

    public function read(object $reader, array $plan): string
    {
        [, $size, $document] = $plan;
        $capacity = (int) $size;
        if ($document !== '' && $capacity > self::BUFFER) {
            $capacity = self::BUFFER;
        }
        while (true) {
            // C writes into this string, which nothing else may share: it is new, and PHP never
            // interns it, as it has more than one byte and its length is not known before.
            $read = str_repeat("\0", $capacity);
            // As check() does, which takes a quarter of a read's time.
            $isAsync = $this->hasSignals && pcntl_async_signals(false);
            $status = $this->c->pegel_reader_snapshot($reader, $read, $capacity, self::STAMP);
            if ($isAsync) {
                self::handleSignals();
            }
            if ($status === 0) {
                break;
            }
            $capacity = $this->larger($status, $capacity, (int) $size);
        }
        return $document === ''
            ? $read
            : substr($read, 0, self::STAMP + unpack('L', $read, 8)[1]);
    }

    public function readAt(object $reader, array $plan, int|string $sequence): string
    {
        return $this->boards()->readAt($reader, $plan, $sequence);
    }

    public function readAfter(object $reader, array $plan, int|string $after): string
    {
        return $this->boards()->readAfter($reader, $plan, $after);
    }

    /**
     * The capacity for another attempt, after one for which it was too small; another failure is
     * thrown.
     */
    public function larger(int $status, int $capacity, int $size): int
    {
        return $status === TooLarge::CODE && $capacity !== $size
            ? min($capacity * 4, $size)
            : throw $this->failure($status);
    }

    /** Where the library writes a sequence. */
    public function sequenceCell(): CData
    {
        return $this->sequence ??= $this->whole()->new('uint64_t[1]');
    }

    public static function inCell(CData $cell): int|string
    {
        return Word::FITS ? $cell[0] : Word::at(FFI::string($cell, 8));
    }

    public function wait(object $reader, int|string $after, ?float $timeout): int|string
    {
        return $this->boards()->wait($reader, $after, $timeout);
    }

    /**
     * Calls the library, then the handlers of signals that arrived meanwhile. PHP 8.4 would run
     * them in the frame of a function that has returned, and crash if they throw or take a
     * backtrace.
     */
    public function guarded(callable $call): mixed
    {
        $isAsync = $this->hasSignals && pcntl_async_signals(false);
        $result = $call();
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

    /** @param callable(): int $call returns a status */
    public function check(callable $call): void
    {
        $status = $this->guarded($call);
        if ($status !== 0) {
            throw $this->failure($status);
        }
    }

    public function failure(int $status): Exception
    {
        return Exception::of(
            $status,
            $this->guarded(fn (): string => $this->c->pegel_error_message())
        );
    }
}
