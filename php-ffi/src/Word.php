<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Words of 64 bits, in the order of this machine's bytes. They are int, or decimal strings if this
 * PHP's int has no room for them: that has 32 bits on some machines.
 *
 * @internal
 */
final class Word
{
    /** Whether an int has all bits of a word. */
    public const FITS = PHP_INT_SIZE === 8;

    /** The number that a word of a string is. */
    public static function at(string $bytes, int $offset = 0, bool $isSigned = false): int|string
    {
        if (self::FITS) {
            $number = unpack('q', $bytes, $offset)[1];
            return $isSigned || $number >= 0 ? $number : sprintf('%u', $number);
        }
        $word = self::littleEndian(substr($bytes, $offset, 8));
        ['low' => $low, 'high' => $high] = unpack('llow/lhigh', self::ordered($word));
        if ($high === 0 && $low >= 0 || $isSigned && $high === -1 && $low < 0) {
            return $low;
        }
        $isNegative = $isSigned && $high < 0;
        $digits = self::digits($isNegative ? self::negated($word) : $word);
        return $isNegative ? "-$digits" : $digits;
    }

    /** The word of a number, whatever its sign. */
    public static function of(int|float|string $number): string
    {
        if (self::FITS && is_int($number)) {
            return pack('q', $number);
        }
        $digits = is_float($number) ? sprintf('%.0f', $number) : (string) $number;
        $isNegative = $digits[0] === '-';
        $limbs = [0, 0, 0, 0];
        foreach (str_split(ltrim($digits, '-')) as $carry) {
            foreach ($limbs as $place => $limb) {
                $sum = $limb * 10 + (int) $carry;
                [$limbs[$place], $carry] = [$sum & 0xffff, $sum >> 16];
            }
        }
        $word = pack('v4', ...$limbs);
        return self::littleEndian($isNegative ? self::negated($word) : $word);
    }

    /** Whether a bit of a word is set. */
    public static function has(string $word, int $bit): bool
    {
        return (ord(self::littleEndian($word)[$bit >> 3]) >> ($bit & 7) & 1) === 1;
    }

    /**
     * A word of so many bits, from the lowest on.
     *
     * @param list<bool> $bits
     */
    public static function ofBits(array $bits): string
    {
        $bytes = array_fill(0, 8, 0);
        foreach (array_keys($bits, true, true) as $bit) {
            $bytes[$bit >> 3] |= 1 << ($bit & 7);
        }
        return self::littleEndian(pack('C8', ...$bytes));
    }

    /** To calculate with: a float has 53 bits, where an int has 32. */
    public static function real(int|float|string $number): int|float
    {
        $real = $number + 0;
        return is_float($real) && abs($real) <= PHP_INT_MAX && !self::FITS ? (int) $real : $real;
    }

    /** A number that was calculated: an int, or its digits. */
    public static function whole(int|float $number): int|string
    {
        $real = self::real($number);
        return is_int($real) ? $real : sprintf('%.0f', $real);
    }

    /** A word of big-endian bytes, and the other way round. */
    public static function bigEndian(string $bytes): string
    {
        return strrev(self::littleEndian($bytes));
    }

    /** Orders two numbers as <=> does. */
    public static function compare(int|string $one, int|string $other): int
    {
        $key = function (int|string $number): array {
            $digits = (string) $number;
            return $digits[0] === '-'
                ? [-1, -strlen($digits), strtr($digits, '0123456789', '9876543210')]
                : [1, strlen($digits), $digits];
        };
        [[$sign, $length, $digits], $second] = [$key($one), $key($other)];
        return $sign <=> $second[0] ?: $length <=> $second[1] ?: strcmp($digits, $second[2]) <=> 0;
    }

    /** Whether it is a decimal number in its shortest form, from `least` to `greatest`. */
    public static function isWithin(string $digits, string $least, string $greatest): bool
    {
        return preg_match('/^(0|-?[1-9][0-9]{0,19})$/D', $digits) === 1
            && self::compare($digits, $least) >= 0
            && self::compare($digits, $greatest) <= 0;
    }

    private static function digits(string $word): string
    {
        [$limbs, $digits] = [array_reverse(array_values(unpack('v4', $word))), ''];
        while (array_sum($limbs) > 0) {
            // Four digits: a carry and a limb fit an int of 32 bits.
            $carry = 0;
            foreach ($limbs as $place => $limb) {
                $part = $carry << 16 | $limb;
                [$limbs[$place], $carry] = [intdiv($part, 10000), $part % 10000];
            }
            $digits = sprintf('%04d', $carry) . $digits;
        }
        return ltrim($digits, '0');
    }

    /** The two's complement of little-endian bytes. */
    private static function negated(string $word): string
    {
        $carry = 1;
        foreach (str_split($word) as $place => $byte) {
            $sum = (~ord($byte) & 0xff) + $carry;
            [$word[$place], $carry] = [chr($sum & 0xff), $sum >> 8];
        }
        return $word;
    }

    /** From this machine's order to little-endian bytes, and back. */
    private static function littleEndian(string $word): string
    {
        return pack('S', 1) === "\1\0" ? $word : strrev($word);
    }

    /** Little-endian bytes as two words of 32 bits, each in this machine's order. */
    private static function ordered(string $word): string
    {
        return pack('L2', ...array_values(unpack('V2', $word)));
    }
}
