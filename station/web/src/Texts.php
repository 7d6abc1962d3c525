<?php

declare(strict_types=1);

namespace Station;

/** What the pages say, in the browser's language: texts, numbers, times. */
final class Texts
{
    public const LANGUAGES = ['en', 'de'];
    private const MARKS = ['en' => ['.', ','], 'de' => [',', '.']];
    private const TIMES = [
        'en' => ['time' => 'H:i', 'moment' => 'Y-m-d H:i:s', 'date' => 'Y-m-d'],
        'de' => ['time' => 'H:i', 'moment' => 'd.m.Y H:i:s', 'date' => 'd.m.Y'],
    ];
    /** Units as boards have them, where people write another one. */
    private const UNITS = ['degC' => '°C', 'deg' => '°'];

    /** @var array<string, string> */
    private readonly array $texts;
    private \DateTimeZone $zone;

    public function __construct(public readonly string $language)
    {
        $this->texts = require __DIR__ . "/../texts/$language.php";
        $this->zone = new \DateTimeZone('UTC');
    }

    /** By the Accept-Language of a request (RFC 9110, 12.5.4): the one that it likes most of those that there are. */
    public static function accepted(string $header): self
    {
        $likes = [];
        foreach (explode(',', $header) as $range) {
            [$tag, $weight] = [...explode(';q=', str_replace(' ', '', strtolower($range))), '1'];
            $language = strtok($tag, '-');
            if (in_array($language, self::LANGUAGES, true)) {
                $likes[$language] = max($likes[$language] ?? 0.0, (float) $weight);
            }
        }
        arsort($likes);
        return new self(array_key_first(array_filter($likes)) ?? self::LANGUAGES[0]);
    }

    public function in(string $zone): void
    {
        if (in_array($zone, \DateTimeZone::listIdentifiers(), true)) {
            $this->zone = new \DateTimeZone($zone);
        }
    }

    /** A text by its key, with what its places hold. */
    public function say(string $key, string|int|float ...$places): string
    {
        // A key can be part of a board's record, and unknown here.
        $text = $this->texts[$key] ?? $key;
        return $places === [] ? $text : sprintf($text, ...$places);
    }

    /** A text of a board (label, description, choice, reason), which has one here if it is known. */
    public function of(string $text): string
    {
        return $this->texts["of $text"] ?? $text;
    }

    public function number(int|float $number, int $digits): string
    {
        $text = number_format($number, $digits, ...self::MARKS[$this->language]);
        // A negative number that rounds to nothing.
        return ltrim($text, '-0.,') === '' ? ltrim($text, '-') : str_replace('-', "\u{2212}", $text);
    }

    /** A number as it is typed, with all its digits and no marks but the decimal one. */
    public function typed(int|float $number): string
    {
        return str_replace('.', self::MARKS[$this->language][0], (string) $number);
    }

    public function unit(string $unit): string
    {
        return self::UNITS[$unit] ?? $unit;
    }

    /** The time of day of a Unix time. */
    public function time(int $moment): string
    {
        return $this->format($moment, 'time');
    }

    public function moment(int $moment): string
    {
        return $this->format($moment, 'moment');
    }

    public function date(int $moment): string
    {
        return $this->format($moment, 'date');
    }

    private function format(int $moment, string $form): string
    {
        $date = (new \DateTimeImmutable("@$moment"))->setTimezone($this->zone);
        return $date->format(self::TIMES[$this->language][$form]);
    }

    /** The time of day in minutes since midnight. */
    public function minutes(int $moment): int
    {
        $date = (new \DateTimeImmutable("@$moment"))->setTimezone($this->zone);
        return 60 * (int) $date->format('G') + (int) $date->format('i');
    }

    /** An age in words; the script lets it grow by the same ones. */
    public function age(float $seconds): string
    {
        foreach ($this->ages() as [$from, $unit, $text]) {
            if ($seconds >= $from) {
                return sprintf($text, floor($seconds / $unit));
            }
        }
        return $this->say('age now');
    }

    /** @return list<array{int, int, string}> from how many seconds on, in units of how many, and how to say it */
    public function ages(): array
    {
        return [
            [172800, 86400, $this->say('age days')],
            [7200, 3600, $this->say('age hours')],
            [120, 60, $this->say('age minutes')],
            [2, 1, $this->say('age seconds')],
            [0, 1, $this->say('age now')],
        ];
    }
}
