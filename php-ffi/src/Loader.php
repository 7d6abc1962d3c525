<?php

declare(strict_types=1);

namespace Pegel;

use Error;
use FFI;

// Each request calls these: a name that is imported is not looked up in this namespace first.
use function class_exists;
use function constant;
use function defined;
use function getenv;
use function ini_get;

/**
 * Chooses how this PHP reaches boards, and binds libpegel.
 *
 * @internal
 */
final class Loader
{
    /**
     * The library's name for FFI::scope(); bin/pegel-preload writes it into the header for
     * ffi.preload.
     */
    public const SCOPE = 'PEGEL';

    /** The name by which the system's loader finds an installed library. */
    public const SONAME = 'libpegel.so.1';

    /**
     * The declarations that a page needs to read, for FFI::cdef(). To parse one more and look up
     * its function would cost each request as much as to call it.
     */
    public const READING = <<<'C'
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

    /** PHP's message about a restricted FFI contains this. */
    private const RESTRICTED = 'ffi.enable';

    private const README = 'the README of pegel/pegel, "Installing"';

    /** @var Backend|Library|null */
    private static $reading = null;
    private static ?Library $library = null;
    private static ?WriterBackend $writing = null;

    /**
     * The best tier that can read: Files if PHP cannot use the library, unless a library is named.
     *
     * @return Backend|Library
     */
    public static function reading(): object
    {
        if (self::$reading !== null) {
            return self::$reading;
        }
        // Not by setting(), which costs each request more.
        $tier = defined('PEGEL_TIER') ? constant('PEGEL_TIER') : getenv('PEGEL_TIER');
        if ($tier === 'files') {
            return self::$reading = new Files();
        }
        if (class_exists(Native::class, false) && Extension::isFit()) {
            return self::$reading = new Extension();
        }
        try {
            return self::$reading = (string) ini_get('ffi.preload') === '' && self::isForbidden()
                ? new Files()
                : self::$library ??= new Library();
        } catch (Error $cause) {
            // A library that is named is wanted wherever PHP may use any.
            $isNamed = self::setting('PEGEL_LIBRARY') !== '';
            return $isNamed && !self::isOff($cause)
                ? throw self::unavailable($cause)
                : self::$reading = new Files();
        }
    }

    /** The tier that can write. */
    public static function writing(): WriterBackend
    {
        if (self::$writing) {
            return self::$writing;
        }
        $reading = self::reading();
        if ($reading instanceof Extension) {
            return self::$writing = new ExtensionWriter($reading);
        }
        // First: where FFI is missing, this throws, and PHP cannot even load the other class.
        $library = self::library();
        return self::$writing = new LibraryWriter($library);
    }

    private static function library(): Library
    {
        try {
            return self::$library ??= new Library();
        } catch (Error $cause) {
            throw self::unavailable($cause);
        }
    }

    /** Whether the settings alone forbid FFI. To try would take as long as a read. */
    private static function isForbidden(): bool
    {
        $setting = (string) ini_get('ffi.enable');
        if ($setting === '1') {
            return false;
        }
        return match (strtolower($setting)) {
            'on', 'yes', 'true' => false,
            // Only the CLI and preloaded code may use FFI.
            'preload' => PHP_SAPI !== 'cli' && (string) ini_get('opcache.preload') === '',
            default => (int) $setting === 0,
        };
    }

    /** Whether PHP cannot use FFI at all; if not, the library could not be bound. */
    private static function isOff(Error $cause): bool
    {
        return !$cause instanceof FFI\Exception
            || str_contains($cause->getMessage(), self::RESTRICTED);
    }

    private static function unavailable(Error $cause): Unavailable
    {
        $path = self::path();
        $preload = dirname(__DIR__) . '/preload.php';
        $fix = match (true) {
            str_contains($cause->getMessage(), 'undefined function')
                => 'Remove that from disable_functions in php.ini, or of the pool',
            !extension_loaded('ffi')
                => 'Install it (Debian: php-common), and set extension=ffi in php.ini',
            !self::isOff($cause)
                => 'Build it with `cargo build --release -p pegel-cabi`, or set PEGEL_LIBRARY to '
                . 'its path',
            !$cause instanceof FFI\Exception => 'Remove FFI from disable_classes in php.ini',
            default => "Preload Pegel with opcache.preload=$preload in php.ini, or see its README",
        };
        return new Unavailable("cannot use libpegel ($path): {$cause->getMessage()}. $fix", $cause);
    }

    /**
     * How this PHP reaches boards, and how to improve that; `pegel doctor --php` shows it.
     *
     * The tiers, best first: `extension` needs no FFI, `scope` has the library from ffi.preload,
     * `cdef` binds it in each request, `files` only reads, without the library; `none` can do
     * neither. `preloaded`: PHP has these classes from opcache.preload.
     *
     * @return array{tier: 'extension'|'scope'|'cdef'|'files'|'none', preloaded: bool, reads: bool,
     *     writes: bool, library: string, version: ?string, abi: ?int, advice: list<string>}
     */
    public static function describe(): array
    {
        [$reading, $library, $advice] = [null, null, []];
        $hasExtension = class_exists(Native::class, false) && Extension::isFit();
        if (extension_loaded('pegel') && !$hasExtension) {
            $advice[] = Extension::misfit();
        }
        try {
            $reading = self::reading();
            if ($reading instanceof Extension) {
                return $reading->describe(self::isPreloaded(), self::mapped());
            }
            $library = self::library();
        } catch (Exception $reason) {
            $advice[] = $reason->getMessage();
        }
        $isScoped = $library?->isPreloaded() ?? false;
        if (!$isScoped && $library !== null && PHP_SAPI !== 'cli') {
            $advice[] = 'each request binds the library anew; ffi.preload binds it once: see '
                . self::README;
        }
        $isPreloaded = self::isPreloaded();
        if (!$isPreloaded && PHP_SAPI !== 'cli') {
            $preload = dirname(__DIR__) . '/preload.php';
            $advice[] = 'each request loads these classes anew; '
                . "opcache.preload=$preload loads them once";
        }
        return [
            'tier' => match (true) {
                $reading === null => 'none',
                $reading instanceof Files => 'files',
                default => $isScoped ? 'scope' : 'cdef',
            },
            'preloaded' => $isPreloaded,
            'reads' => $reading !== null,
            'writes' => $library !== null,
            'library' => self::mapped() ?? self::path(),
            'version' => $library?->version(),
            'abi' => $library?->abi(),
            'advice' => $advice,
        ];
    }

    private static function isPreloaded(): bool
    {
        $status = function_exists('opcache_get_status') ? @opcache_get_status(false) : false;
        return in_array(self::class, $status['preload_statistics']['classes'] ?? [], true);
    }

    /**
     * The library's file that this process has mapped, by whatever name; or the extension's, which
     * can contain it.
     */
    private static function mapped(): ?string
    {
        $maps = (string) @file_get_contents('/proc/self/maps');
        foreach (['libpegel\.so.*', 'pegel\.so'] as $name) {
            if (preg_match("~ (/.*$name)$~m", $maps, $found) === 1) {
                return $found[1];
            }
        }
        return null;
    }

    private static function setting(string $name): string
    {
        return defined($name) ? (string) constant($name) : (string) getenv($name);
    }

    /**
     * The library's file: PEGEL_LIBRARY, else the one built in this repository, else the installed
     * one.
     */
    public static function path(): string
    {
        $wanted = self::setting('PEGEL_LIBRARY');
        if ($wanted !== '') {
            return $wanted;
        }
        $built = dirname(__DIR__, 2) . '/target/release/libpegel.so';
        // PHP would warn if open_basedir hides it.
        return @is_file($built) ? $built : self::SONAME;
    }

    /**
     * All declarations of the library.
     *
     * `make cabi` and each installation put them here without the header's comments, which FFI
     * would parse in each request; a clone in which nothing was made has the header itself.
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
        throw new Unavailable(
            "cannot use libpegel: $path does not exist. Run `make cabi` in Pegel's repository, and "
            . 'copy it'
        );
    }
}
