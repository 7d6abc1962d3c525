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
    private const ENCODE = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION
        | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;
    // As a float, an integer beyond PHP_INT_MAX would lose its last digits.
    private const DECODE = JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING;

    public static function encode(mixed $document, string $board): string
    {
        try {
            return self::text($document);
        } catch (\JsonException $cause) {
            throw new InvalidArgument(
                "board $board: the document is not valid JSON: {$cause->getMessage()}",
                $cause
            );
        }
    }

    /**
     * Encodes floats in the shortest form that decodes to the same float, whatever php.ini says.
     *
     * @throws \JsonException
     */
    public static function text(mixed $value): string
    {
        $precision = ini_get('serialize_precision');
        if ($precision === '-1') {
            return json_encode($value, self::ENCODE);
        }
        ini_set('serialize_precision', '-1');
        try {
            return json_encode($value, self::ENCODE);
        } finally {
            ini_set('serialize_precision', $precision);
        }
    }

    /** Decodes objects as arrays, or as objects, so that {} differs from []. */
    public static function decode(string $text, string $board, bool $asArrays = true): mixed
    {
        try {
            return json_decode($text, $asArrays, 512, self::DECODE);
        } catch (\JsonException $cause) {
            throw new Corrupt(
                "board $board: the document is not valid JSON: {$cause->getMessage()}",
                $cause
            );
        }
    }
}
