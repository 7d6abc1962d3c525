<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** The day as a picture: power and what the grid gave or took, in parts of five minutes. */
final class Curve
{
    public const WIDTH = 720;
    public const HEIGHT = 220;
    public const LEFT = 44;
    private const PARTS = 288;
    /** So many parts without a sample are no gap: whoever asks seldom leaves some out. */
    private const GAP = 3;
    private const MOST = 1e6;
    private const STEPS = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];

    public readonly float $top;
    public readonly float $bottom;
    public readonly int $step;

    public function __construct(private readonly Snapshot $today)
    {
        // A meter can send any number, and each line of the picture takes time.
        $highest = min(self::MOST, max(100.0, ...$today['curve_power'], ...$today['curve_grid']));
        $lowest = max(-self::MOST, min(0.0, ...$today['curve_grid']));
        $wide = fn (int $step): bool => ($highest - $lowest) / $step <= 5;
        $steps = array_filter(self::STEPS, $wide);
        $this->step = $steps === [] ? self::STEPS[array_key_last(self::STEPS)] : reset($steps);
        $this->top = ceil($highest / $this->step) * $this->step;
        $this->bottom = floor($lowest / $this->step) * $this->step;
    }

    /** @return list<int> watts that have a line */
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
        return round(8 + ($this->top - $watts) / ($this->top - $this->bottom) * (self::HEIGHT - 36), 1);
    }

    /** The line of a curve; where nothing is known, it has a gap. */
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

    /** @return list<list<string>> points that belong together */
    private function runs(string $curve): array
    {
        $samples = $this->today[$curve === 'curve_power' ? 'curve_samples' : 'curve_grid_samples'];
        $watts = $this->today[$curve];
        $runs = [];
        $isOn = false;
        $gap = 0;
        for ($part = 0; $part < self::PARTS; $part++) {
            if ($samples[$part] === 0) {
                $gap++;
                continue;
            }
            $isOn = $isOn && $gap <= self::GAP;
            $gap = 0;
            if (!$isOn) {
                $runs[] = [];
                $isOn = true;
            }
            $runs[array_key_last($runs)][] = $this->x(5 * $part + 2.5) . ' ' . $this->y($watts[$part]);
        }
        return $runs;
    }
}
