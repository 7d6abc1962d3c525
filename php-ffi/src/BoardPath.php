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

    private const STRANGER = 'everybody may create files there, and it belongs to a stranger (user %d); share a group '
        . 'with its owner, or keep the board in a directory that only you share';

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
            throw new InvalidArgument(json_encode($board) . " is no name of a board: $fault");
        }
        $directory = $slash === false ? (string) getenv('PEGEL_DIR') : substr($board, 0, $slash + 1);
        return new self($name, rtrim($directory === '' ? '/dev/shm' : $directory, '/') . "/pegel.$name");
    }

    /** The durable file of the board. */
    private function durable(): string
    {
        $directory = (string) getenv('PEGEL_DURABLE_DIR');
        return ($directory === '' ? '/var/lib/pegel' : $directory) . "/pegel.{$this->name}.durable";
    }

    /**
     * Whether nothing but the board is missing: its directory exists, and no durable file to restore it from. What
     * open_basedir hides from PHP is taken to be so.
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
            throw new Untrusted("cannot open $path: it is a symbolic link, which is never followed");
        }
        if ($kind !== self::REGULAR) {
            throw $this->untrusted('it is no regular file; remove it');
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
            $this->checkTrust($status);
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
                "cannot open $path: PHP's open_basedir leaves it out; add $directory to it, or enable FFI"
            );
        }
        if (str_contains($reason, 'Permission denied')) {
            throw new Denied("cannot open $path: Permission denied; see its owner, group and mode with `ls -l`");
        }
        if (str_contains($reason, 'No such file') && !is_file($directory)) {
            $advice = $this->isDurable()
                ? "its writer, or `pegel keep`, lets it come back from {$this->durable()}"
                : 'has its writer ever run?';
            throw new NotFound(is_dir($directory)
                ? "no board {$this->name}: $path does not exist; $advice"
                : "cannot look for a board in $directory: No such file or directory; make the directory, or mount it "
                    . 'where this process is in a chroot or a container');
        }
        throw $file !== false ? $this->changed() : new System("cannot open $path: $reason");
    }

    private function untrusted(string $reason): Untrusted
    {
        return new Untrusted("{$this->path} is not trusted: $reason");
    }

    private function changed(): Untrusted
    {
        return $this->untrusted('somebody put another file there at the same moment; try again');
    }

    /**
     * As core/src/segment/trust.rs.
     *
     * @param array<int|string, int> $status
     */
    private function checkTrust(array $status): void
    {
        ['mode' => $mode, 'nlink' => $names, 'uid' => $owner, 'gid' => $group] = $status;
        if ($names > 1) {
            throw $this->untrusted('it has further names (hard links); remove them');
        }
        if (($mode & 0002) !== 0) {
            throw $this->untrusted('everybody may write it; chmod o-w it');
        }
        if ($owner === 0) {
            return;
        }
        [$user, $groups] = self::identity();
        if ($user === 0 || $user === $owner || in_array($group, $groups, true)) {
            return;
        }
        if ((stat(dirname($this->path))['mode'] & 0002) !== 0) {
            throw $this->untrusted(sprintf(self::STRANGER, $owner));
        }
    }

    /** @return array{int, list<int>} of this process: its user and its groups */
    private static function identity(): array
    {
        if (function_exists('posix_geteuid')) {
            return [posix_geteuid(), [posix_getegid(), ...posix_getgroups()]];
        }
        [$text] = self::attempt(fn () => file_get_contents('/proc/self/status'));
        // The effective ones stand second.
        $lines = '/^Uid:\s+\d+\s+(\d+).*?^Gid:\s+\d+\s+(\d+).*?^Groups:([\d ]*)/ms';
        if (preg_match($lines, (string) $text, $found) !== 1) {
            return [-1, []];
        }
        $groups = preg_split('/ /', $found[3], -1, PREG_SPLIT_NO_EMPTY);
        return [(int) $found[1], array_map(intval(...), [$found[2], ...$groups])];
    }
}
