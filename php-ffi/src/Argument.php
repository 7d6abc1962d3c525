<?php

declare(strict_types=1);

namespace Pegel;

/**
 * PHP's values as the library takes them, or why it could not.
 *
 * @internal
 */
final class Argument
{
    /** For ever, as sums of two times still are integers. */
    private const FAR = PHP_INT_MAX >> 1;

    public static function nulInName(string $board): InvalidArgument
    {
        return new InvalidArgument(json_encode($board) . ' is no name of a board: it has a NUL');
    }

    public static function u32(int $number, string $what): int
    {
        return $number >= 0 && $number <= 0xffffffff
            ? $number
            : throw new InvalidArgument("$what: $number is no 32-bit unsigned integer");
    }

    public static function sequence(int $sequence, string $board): int
    {
        return $sequence >= 0
            ? $sequence
            : throw new InvalidArgument("board $board: sequences are counted from 0; $sequence is none");
    }

    public static function nanoseconds(?float $seconds): int
    {
        if ($seconds === null) {
            return -1;
        }
        // Not `!(... >= 0)`: opcache makes `... < 0` of that, which NAN is not either (PHP 8.2).
        if (is_nan($seconds) || $seconds < 0) {
            throw new InvalidArgument("a timeout is at least 0 seconds, or null for ever; not $seconds");
        }
        return $seconds < 1e9 ? (int) ($seconds * 1e9) : self::FAR;
    }
}
