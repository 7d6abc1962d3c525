<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** The station at one moment, for the pages; each board is read once. */
final class Status
{
    /** An inverter is silent after this many unanswered polls, and at least this many seconds. */
    private const MAX_UNANSWERED = 3;
    private const MIN_TIMEOUT = 10.0;
    /** Seconds after which a meter is silent; it sends each second. */
    private const METER_TIMEOUT = 10.0;

    public readonly Snapshot $config;
    public readonly bool $shouldRun;
    public readonly ?Snapshot $daemon;
    public readonly ?Snapshot $daily;
    public readonly ?Snapshot $meter;
    /** @var array<int, string> the configured serial numbers, by their index */
    public readonly array $serials;
    /** @var array<string, ?Snapshot> the last reading of each inverter, by its serial number */
    public readonly array $inverters;
    /** One of unconfigured, ready, empty, live, silent, night, no-port, stopped, gone. */
    public readonly string $state;

    public function __construct(Boards $boards)
    {
        $this->config = $boards->shared('config');
        $this->shouldRun = $boards->shared('service')['running'];
        $this->daemon = $boards->newest('daemon');
        $this->daily = $boards->newest('daily');
        $this->meter = $boards->newest('meter');
        // Other programs can write a wrong serial number, with which no board can be named.
        $isSerial = fn (string $serial): bool => preg_match(Form::SERIAL, $serial) === 1;
        $this->serials = array_unique(array_filter($this->config['serial'], $isSerial));
        $newest = fn (string $serial): ?Snapshot => $boards->newest("inverter-$serial");
        $this->inverters = array_combine($this->serials, array_map($newest, $this->serials));
        $this->state = $this->state();
    }

    public function isDaemonAlive(): bool
    {
        return $this->daemon?->writerAlive ?? false;
    }

    /** Whether an inverter's last reading is current. */
    public function isLive(?Snapshot $inverter): bool
    {
        $interval = $this->config['interval'] / $this->speed();
        $isAwake = $this->isDaemonAlive() && $this->daemon['state'] === 'working';
        $timeout = max(self::MAX_UNANSWERED * $interval, self::MIN_TIMEOUT);
        return $isAwake && $inverter !== null && !$inverter->isStale($timeout);
    }

    /** The meter's last reading, or null if it is stale. */
    public function metered(): ?Snapshot
    {
        return $this->meter?->isStale(self::METER_TIMEOUT) ?? true ? null : $this->meter;
    }

    /** Seconds since the newest reading of any inverter, or null if there is none. */
    public function age(): ?float
    {
        $age = fn (Snapshot $inverter): float => $inverter->age;
        $ages = array_map($age, array_filter($this->inverters));
        return $ages === [] ? null : min($ages);
    }

    /** The power of all inverters in watts, by their last readings. */
    public function power(): ?float
    {
        $known = array_filter($this->inverters);
        $live = array_filter($known, $this->isLive(...));
        $power = fn (Snapshot $inverter): float => $inverter['ac_power'];
        // While one inverter answers, the last readings of silent ones do not count.
        return $known === [] ? null : array_sum(array_map($power, $live ?: $known));
    }

    /** The station's time, which differs from the machine's in a demonstration. */
    public function now(): int
    {
        if ($this->daemon === null || $this->daemon->isDefault) {
            return time();
        }
        return (int) ($this->daemon['now'] + $this->daemon->age * $this->speed());
    }

    public function name(string $serial): string
    {
        $index = array_search($serial, $this->serials, true);
        return ($index === false ? '' : $this->config['name'][$index]) ?: $serial;
    }

    /** How many times as fast as the machine's clock the station's clock runs. */
    public function speed(): float
    {
        return $this->daemon['speed'] ?? 1.0;
    }

    private function state(): string
    {
        $reported = $this->isDaemonAlive() ? $this->daemon['state'] : null;
        $live = array_filter($this->inverters, $this->isLive(...));
        return match (true) {
            $this->serials === [] => 'unconfigured',
            $reported === null && !$this->shouldRun => $this->age() === null ? 'ready' : 'stopped',
            $reported === null => $this->age() === null ? 'empty' : 'gone',
            $reported === 'night', $reported === 'no-port' => $reported,
            $live !== [] => 'live',
            $this->age() === null => 'empty',
            default => 'silent',
        };
    }
}
