<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Checks values of PHP, and converts them for the library.
 *
 * @internal
 */
final class Argument
{
    /** Stands for no end. The sum of two such times is still an integer. */
    private const FAR = PHP_INT_MAX >> 1;

    public static function nulInName(string $board): InvalidArgument
    {
        return new InvalidArgument(
            json_encode($board) . ' is not a valid board name: it contains NUL'
        );
    }

    public static function u32(int $number, string $what): int
    {
        return $number >= 0 && $number <= 0xffffffff
            ? $number
            : throw new InvalidArgument("$what must be between 0 and 4294967295 (got $number)");
    }

    public static function sequence(int $sequence, string $board): int
    {
        return $sequence >= 0
            ? $sequence
            : throw new InvalidArgument(
                "board $board: a sequence must be at least 0 (got $sequence)"
            );
    }

    public static function nanoseconds(?float $seconds): int
    {
        if ($seconds === null) {
            return -1;
        }
        // Not `!(... >= 0)`: opcache makes `... < 0` of that, which NAN is not either (PHP 8.2).
        if (is_nan($seconds) || $seconds < 0) {
            throw new InvalidArgument(
                "a timeout must be at least 0 s, or null to wait without end (got $seconds)"
            );
        }
        return $seconds < 1e9 ? (int) ($seconds * 1e9) : self::FAR;
    }
}
