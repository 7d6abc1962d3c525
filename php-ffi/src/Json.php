<?php

declare(strict_types=1);

namespace Pegel;

/**
 * JSON documents as other languages expect them: 1.0 stays a float, and text is not escaped.
 *
 * @internal
 */
final class Json
{
    private const ENCODE = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE
        | JSON_UNESCAPED_SLASHES;
    // A float would lose the last digits of an integer beyond PHP_INT_MAX.
    private const DECODE = JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING;

    public static function encode(mixed $document, string $board): string
    {
        try {
            return json_encode($document, self::ENCODE);
        } catch (\JsonException $cause) {
            throw new InvalidArgument("board $board: the document is no JSON: {$cause->getMessage()}", $cause);
        }
    }

    /** With objects as arrays, or as objects, which tells {} from []. */
    public static function decode(string $text, string $board, bool $asArrays = true): mixed
    {
        try {
            return json_decode($text, $asArrays, 512, self::DECODE);
        } catch (\JsonException $cause) {
            throw new Corrupt("board $board: the document is no JSON: {$cause->getMessage()}", $cause);
        }
    }
}
