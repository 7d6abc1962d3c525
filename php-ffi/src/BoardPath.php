<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A board's name and the path of its file; opens the file if it is to be trusted.
 *
 * @internal
 */
final class BoardPath
{
    /** Bits of a mode (man 7 inode). */
    private const KIND = 0170000;
    private const LINK = 0120000;
    private const REGULAR = 0100000;

    private function __construct(public readonly string $name, public readonly string $path)
    {
    }

    /** Of NAME in the directory $PEGEL_DIR, else in /dev/shm; or of DIRECTORY/NAME. */
    public static function of(string $board): self
    {
        $slash = strrpos($board, '/');
        $name = $slash === false ? $board : substr($board, $slash + 1);
        $fault = match (true) {
            $name === '' => 'it is empty',
            strlen($name) > 64 => 'it is longer than 64 characters',
            preg_match('/^[a-z0-9._-]+$/D', $name) !== 1
                => 'only a-z, 0-9, dot, underscore and hyphen are allowed',
            str_ends_with($name, '.lock') => 'names ending in .lock are those of lock files',
            str_contains($board, "\0") => 'it has a NUL',
            default => null,
        };
        if ($fault !== null) {
            throw new InvalidArgument(json_encode($board) . " is not a valid board name: $fault");
        }
        $directory = $slash === false ? (string) getenv('PEGEL_DIR') : substr(
            $board,
            0,
            $slash + 1
        );
        return new self(
            $name,
            rtrim($directory === '' ? '/dev/shm' : $directory, '/') . "/pegel.$name"
        );
    }

    /** The durable file of the board. */
    private function durable(): string
    {
        $directory = (string) getenv('PEGEL_DURABLE_DIR');
        return ($directory === '' ? '/var/lib/pegel' : $directory) . "/pegel.{$this->name}.durable";
    }

    /**
     * Whether nothing but the board is missing: its directory exists, and no durable file to
     * restore it from. What open_basedir hides from PHP is taken to be so.
     */
    public function isAbsent(): bool
    {
        clearstatcache();
        [$hasDirectory, $reason] = self::attempt(fn (): bool => is_dir(dirname($this->path)));
        return ($hasDirectory || $reason !== '') && !$this->isDurable();
    }

    private function isDurable(): bool
    {
        return self::attempt(fn (): bool => file_exists($this->durable()))[0];
    }

    /** @return array{resource, array<int|string, int>} the file, and what fstat() returns of it */
    public function open(bool $untrusted): array
    {
        $path = $this->path;
        clearstatcache();
        $found = @lstat($path);
        if ($found === false) {
            $this->failed();
        }
        $kind = $found['mode'] & self::KIND;
        if ($kind === self::LINK) {
            throw new Untrusted(
                "cannot open $path. It is a symbolic link, and these are never followed."
            );
        }
        if ($kind !== self::REGULAR) {
            throw Trust::untrusted($path, 'it is not a regular file. Remove it.');
        }
        $file = @fopen($path, 'rb');
        if ($file === false) {
            $this->failed();
        }
        $status = fstat($file);
        if ([$status['dev'], $status['ino']] !== [$found['dev'], $found['ino']]) {
            throw $this->changed();
        }
        stream_set_read_buffer($file, 0);
        if (!$untrusted) {
            Trust::check($path, $status);
        }
        return [$file, $status];
    }

    /** @return array{mixed, string} what the call returned, and the warnings of PHP */
    public static function attempt(callable $call): array
    {
        $reason = '';
        set_error_handler(static function (int $_, string $warning) use (&$reason): bool {
            $reason .= ($reason === '' ? '' : '; ') . $warning;
            return true;
        });
        try {
            return [$call(), $reason];
        } finally {
            restore_error_handler();
        }
    }

    private function failed(): never
    {
        [$path, $directory] = [$this->path, dirname($this->path)];
        // fopen() says why, which lstat() does not.
        [$file, $reason] = self::attempt(fn (): mixed => fopen($path, 'rb'));
        if (str_contains($reason, 'open_basedir')) {
            throw new Denied(
                "cannot open $path: PHP's open_basedir excludes it. Add $directory to it, or "
                . 'enable FFI.'
            );
        }
        if (str_contains($reason, 'Permission denied')) {
            throw new Denied(
                "cannot open $path: Permission denied. Check owner, group and mode with `ls -l`."
            );
        }
        if (str_contains($reason, 'No such file') && !is_file($directory)) {
            $advice = $this->isDurable()
                ? "It can be restored from {$this->durable()}: start its writer or `pegel keep`."
                : 'Start its writer, or check PEGEL_DIR.';
            throw new NotFound(is_dir($directory)
                ? "no board {$this->name}: $path does not exist. $advice"
                : "cannot look for a board in $directory: No such file or directory. Create the "
                    . "directory, or mount it in this process's chroot or container.");
        }
        throw $file !== false ? $this->changed() : new System("cannot open $path: $reason");
    }

    private function changed(): Untrusted
    {
        return Trust::untrusted($this->path, 'it was replaced while it was opened. Try again.');
    }
}
