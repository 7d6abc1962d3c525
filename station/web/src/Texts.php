<?php

declare(strict_types=1);

namespace Station;

/** Texts, numbers and times in the browser's language. */
final class Texts
{
    public const LANGUAGES = ['en', 'de'];
    private const MARKS = ['en' => ['.', ','], 'de' => [',', '.']];
    private const TIMES = [
        'en' => ['time' => 'H:i', 'moment' => 'Y-m-d H:i:s', 'date' => 'Y-m-d'],
        'de' => ['time' => 'H:i', 'moment' => 'd.m.Y H:i:s', 'date' => 'd.m.Y'],
    ];
    /** Units of boards that people write differently. */
    private const UNITS = ['degC' => '°C', 'deg' => '°'];

    /** @var array<string, string> */
    private readonly array $texts;
    private \DateTimeZone $zone;

    public function __construct(public readonly string $language)
    {
        $this->texts = require __DIR__ . "/../texts/$language.php";
        $this->zone = new \DateTimeZone('UTC');
    }

    /** The language that the Accept-Language of a request prefers (RFC 9110, 12.5.4). */
    public static function accepted(string $header): self
    {
        $weights = [];
        foreach (explode(',', $header) as $range) {
            $range = str_replace(' ', '', strtolower($range));
            [$tag, $weight] = [...explode(';q=', $range), '1'];
            $language = strtok($tag, '-');
            if (in_array($language, self::LANGUAGES, true)) {
                $weights[$language] = max($weights[$language] ?? 0.0, (float) $weight);
            }
        }
        arsort($weights);
        return new self(array_key_first(array_filter($weights)) ?? self::LANGUAGES[0]);
    }

    public function in(string $zone): void
    {
        if (in_array($zone, \DateTimeZone::listIdentifiers(), true)) {
            $this->zone = new \DateTimeZone($zone);
        }
    }

    /** A text by its key, with values for its placeholders. */
    public function say(string $key, string|int|float ...$values): string
    {
        // A key can come from the record of a board, and be unknown here.
        $text = $this->texts[$key] ?? $key;
        return $values === [] ? $text : sprintf($text, ...$values);
    }

    /** The translation, if any, of a text of a board: a label, description, choice or reason. */
    public function of(string $text): string
    {
        return $this->texts["of $text"] ?? $text;
    }

    public function number(int|float $number, int $digits): string
    {
        $text = number_format($number, $digits, ...self::MARKS[$this->language]);
        // A negative number that rounds to zero has no sign.
        $isZero = ltrim($text, '-0.,') === '';
        return $isZero ? ltrim($text, '-') : str_replace('-', "\u{2212}", $text);
    }

    /** A number as users enter it, with all its digits and without thousands separators. */
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

    /** An age in words, like those that the script of the page uses. */
    public function age(float $seconds): string
    {
        foreach ($this->ages() as [$from, $unit, $text]) {
            if ($seconds >= $from) {
                return sprintf($text, floor($seconds / $unit));
            }
        }
        return $this->say('age now');
    }

    /** @return list<array{int, int, string}> minimum seconds, seconds of the unit, and text */
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
