<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** What the pages say of the station at one moment: each board is read once. */
final class Status
{
    /** An inverter that does not answer for so many polls, or seconds, is silent. */
    private const POLLS = 3;
    private const PATIENCE = 10.0;
    /** Seconds after which a meter that sends each second is silent. */
    private const METER_PATIENCE = 10.0;

    public readonly Snapshot $config;
    public readonly bool $isWanted;
    public readonly ?Snapshot $daemon;
    public readonly ?Snapshot $today;
    public readonly ?Snapshot $meter;
    /** @var array<int, string> the serial numbers that are configured, by their place */
    public readonly array $serials;
    /** @var array<string, ?Snapshot> the last answer of each inverter by its serial number */
    public readonly array $inverters;
    /** One of unconfigured, ready, empty, live, silent, night, no-port, stopped, gone. */
    public readonly string $state;

    public function __construct(Boards $boards)
    {
        $this->config = $boards->byTurns('config');
        $this->isWanted = $boards->byTurns('service')['running'];
        $this->daemon = $boards->newest('daemon');
        $this->today = $boards->newest('today');
        $this->meter = $boards->newest('meter');
        // Other programs write the board, too, and a wrong serial number is not the name of a board.
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

    /** Whether an inverter's last answer is of now. */
    public function isLive(?Snapshot $inverter): bool
    {
        $interval = $this->config['interval'] / $this->speed();
        $isAwake = $this->isDaemonAlive() && $this->daemon['state'] === 'working';
        return $isAwake && $inverter !== null && !$inverter->isStale(max(self::POLLS * $interval, self::PATIENCE));
    }

    /** What the meter says, if that is of now. */
    public function metered(): ?Snapshot
    {
        return $this->meter?->isStale(self::METER_PATIENCE) ?? true ? null : $this->meter;
    }

    /** Seconds since the youngest answer, or null if there was none. */
    public function age(): ?float
    {
        $ages = array_map(fn (Snapshot $inverter): float => $inverter->age, array_filter($this->inverters));
        return $ages === [] ? null : min($ages);
    }

    /** Watts of all inverters, as they were said last. */
    public function power(): ?float
    {
        $known = array_filter($this->inverters);
        $live = array_filter($known, $this->isLive(...));
        $power = fn (Snapshot $inverter): float => $inverter['ac_power'];
        // While one answers, what others said before they fell silent is no part of it.
        return $known === [] ? null : array_sum(array_map($power, $live ?: $known));
    }

    /** The station's time, which is not the machine's in a demonstration. */
    public function now(): int
    {
        $isKnown = $this->daemon !== null && !$this->daemon->isDefault;
        return $isKnown ? (int) ($this->daemon['now'] + $this->daemon->age * $this->speed()) : time();
    }

    public function name(string $serial): string
    {
        $place = array_search($serial, $this->serials, true);
        return ($place === false ? '' : $this->config['name'][$place]) ?: $serial;
    }

    /** How many times as fast as the machine's the station's time goes by. */
    public function speed(): float
    {
        return $this->daemon['speed'] ?? 1.0;
    }

    private function state(): string
    {
        $said = $this->isDaemonAlive() ? $this->daemon['state'] : null;
        $live = array_filter($this->inverters, $this->isLive(...));
        return match (true) {
            $this->serials === [] => 'unconfigured',
            $said === null && !$this->isWanted => $this->age() === null ? 'ready' : 'stopped',
            $said === null => $this->age() === null ? 'empty' : 'gone',
            $said === 'night', $said === 'no-port' => $said,
            $live !== [] => 'live',
            $this->age() === null => 'empty',
            default => 'silent',
        };
    }
}
