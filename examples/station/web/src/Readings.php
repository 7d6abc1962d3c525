<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** The readings as texts, by the names under which the page shows them. */
final class Readings
{
    /** Name on the page => field, index of the string or null, digits after the point, factor. */
    private const SHOWN = [
        'ac_power' => ['ac_power', null, 1, 1],
        'ac_voltage' => ['ac_voltage', null, 1, 1],
        'ac_current' => ['ac_current', null, 2, 1],
        'ac_frequency' => ['ac_frequency', null, 2, 1],
        'ac_reactive_power' => ['ac_reactive_power', null, 1, 1],
        'powerfactor' => ['powerfactor', null, 3, 1],
        'temperature' => ['temperature', null, 1, 1],
        'efficiency' => ['efficiency', null, 1, 1],
        'yield_today' => ['yield_today', null, 2, 0.001],
        'yield_total' => ['yield_total', null, 1, 0.001],
        'event_count' => ['event_count', null, 0, 1],
    ];
    private const SHOWN_OF_STRINGS = [
        'string_power' => [1, 1],
        'string_irradiation' => [0, 1],
        'string_voltage' => [1, 1],
        'string_current' => [2, 1],
        'string_energy_daily' => [2, 0.001],
        'string_energy_total' => [1, 0.001],
    ];

    /** @return array<string, string> */
    public static function texts(Snapshot $reading): array
    {
        $shown = self::SHOWN;
        foreach (self::SHOWN_OF_STRINGS as $field => [$digits, $factor]) {
            foreach (range(0, Boards::STRINGS - 1) as $string) {
                $shown["{$field}_{$string}"] = [$field, $string, $digits, $factor];
            }
        }
        $texts = [
            'serial' => $reading['serial'],
            'measured' => gmdate('H:i:s', $reading['measured']),
            'writer' => $reading->writerAlive ? 'alive' : 'gone',
            'sequence' => (string) $reading->sequence,
            'generation' => (string) $reading->generation,
        ];
        foreach ($shown as $name => [$field, $string, $digits, $factor]) {
            $value = $string === null ? $reading[$field] : $reading[$field][$string];
            $texts[$name] = number_format($value * $factor, $digits, '.', "\u{202f}");
        }
        return $texts;
    }

    /** An age in words. */
    public static function age(float $seconds): string
    {
        return match (true) {
            $seconds < 2 => 'just now',
            $seconds < 120 => floor($seconds) . ' s ago',
            $seconds < 7200 => floor($seconds / 60) . ' min ago',
            $seconds < 172800 => floor($seconds / 3600) . ' h ago',
            default => floor($seconds / 86400) . ' days ago',
        };
    }
}
