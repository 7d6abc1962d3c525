<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** The day as a chart: power, and import or export, in parts of five minutes. */
final class Curve
{
    public const WIDTH = 720;
    public const HEIGHT = 220;
    public const LEFT = 44;
    private const PARTS = 288;
    /** Up to this many parts without a sample are not a gap: a long poll interval skips some. */
    private const MAX_SKIPPED = 3;
    private const MAX_WATTS = 1e6;
    private const STEPS = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];

    public readonly float $top;
    public readonly float $bottom;
    public readonly int $step;

    public function __construct(private readonly Snapshot $daily)
    {
        // A meter can send any number, and each line of the chart takes time.
        $highest = max(100.0, ...$daily['curve_power'], ...$daily['curve_grid']);
        $highest = min(self::MAX_WATTS, $highest);
        $lowest = max(-self::MAX_WATTS, min(0.0, ...$daily['curve_grid']));
        $isWide = fn (int $step): bool => ($highest - $lowest) / $step <= 5;
        $steps = array_filter(self::STEPS, $isWide);
        $this->step = $steps === [] ? self::STEPS[array_key_last(self::STEPS)] : reset($steps);
        $this->top = ceil($highest / $this->step) * $this->step;
        $this->bottom = floor($lowest / $this->step) * $this->step;
    }

    /** @return list<int> the watts of the horizontal lines */
    public function marks(): array
    {
        return range((int) $this->bottom, (int) $this->top, $this->step);
    }

    public function x(float $minutes): float
    {
        return round(self::LEFT + $minutes / 1440 * (self::WIDTH - self::LEFT), 1);
    }

    public function y(float $watts): float
    {
        $part = ($this->top - $watts) / ($this->top - $this->bottom);
        return round(8 + $part * (self::HEIGHT - 36), 1);
    }

    /** The line of a curve, with gaps where values are unknown. */
    public function line(string $curve): string
    {
        $path = '';
        foreach ($this->runs($curve) as $run) {
            $path .= 'M' . implode('L', $run);
        }
        return $path;
    }

    /** The area between a curve and zero. */
    public function area(string $curve): string
    {
        $zero = $this->y(0);
        $path = '';
        foreach ($this->runs($curve) as $run) {
            [$first, $last] = [strtok($run[0], ' '), strtok($run[array_key_last($run)], ' ')];
            $path .= "M$first {$zero}L" . implode('L', $run) . "L$last {$zero}Z";
        }
        return $path;
    }

    /** @return list<list<string>> the points of each uninterrupted part of a curve */
    private function runs(string $curve): array
    {
        $samples = $this->daily[$curve === 'curve_power' ? 'curve_samples' : 'curve_grid_samples'];
        $watts = $this->daily[$curve];
        $runs = [];
        $isOn = false;
        $gap = 0;
        for ($part = 0; $part < self::PARTS; $part++) {
            if ($samples[$part] === 0) {
                $gap++;
                continue;
            }
            $isOn = $isOn && $gap <= self::MAX_SKIPPED;
            $gap = 0;
            if (!$isOn) {
                $runs[] = [];
                $isOn = true;
            }
            $point = $this->x(5 * $part + 2.5) . ' ' . $this->y($watts[$part]);
            $runs[array_key_last($runs)][] = $point;
        }
        return $runs;
    }
}
