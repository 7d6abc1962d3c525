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
    /** Nanoseconds that stand for no end. The sum of two such times still fits 64 bits. */
    private const FAR = 4e18;

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

    public static function sequence(int|string $sequence, string $board): int|string
    {
        return is_int($sequence) && $sequence >= 0 || self::isWord($sequence)
            ? $sequence
            : throw new InvalidArgument(
                "board $board: a sequence must be at least 0 (got $sequence)"
            );
    }

    /** Whether it is a sequence for which PHP's int has no room. */
    private static function isWord(int|string $sequence): bool
    {
        return is_string($sequence) && Word::isWithin($sequence, '0', '18446744073709551615');
    }

    public static function nanoseconds(?float $seconds): int|float
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
        $nanoseconds = $seconds < 4e9 ? $seconds * 1e9 : self::FAR;
        return Word::FITS ? (int) $nanoseconds : floor($nanoseconds);
    }
}
