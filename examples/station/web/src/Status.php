<?php

declare(strict_types=1);

namespace Station;

use Pegel\Snapshot;

/** What the page says of the station at one moment. */
final class Status implements \JsonSerializable
{
    /** An inverter that does not answer for so many polls, or seconds, is asleep. */
    private const PATIENCE = ['polls' => 3, 'seconds' => 10.0];

    public readonly ?Snapshot $reading;
    public readonly Snapshot $config;
    /** One of empty, live, silent, stopped. */
    public readonly string $state;
    public readonly bool $wanted;

    public function __construct(Boards $boards)
    {
        $this->reading = $boards->inverter();
        $this->config = $boards->config();
        $this->wanted = $boards->service()['running'];
        $patience = max(self::PATIENCE['polls'] * $this->config['interval'], self::PATIENCE['seconds']);
        $this->state = match (true) {
            $this->reading === null => 'empty',
            !$this->reading->writerAlive => 'stopped',
            $this->reading->age > $patience => 'silent',
            default => 'live',
        };
    }

    /** What it is about, in words. */
    public function told(): string
    {
        return match ($this->state) {
            'empty' => $this->wanted ? 'Waiting for the first reading' : 'Nothing measured yet',
            'stopped' => $this->wanted ? 'Daemon gone' : 'Daemon stopped',
            'silent' => 'Inverter asleep',
            'live' => 'Live',
        };
    }

    /** @return array<string, mixed> what the page's script needs to show it */
    public function jsonSerialize(): array
    {
        return [
            'state' => $this->state,
            'told' => $this->told(),
            'wanted' => $this->wanted,
            'config' => $this->config->sequence,
            'sequence' => $this->reading?->sequence ?? 0,
            'age' => $this->reading?->age,
            'power' => $this->reading['ac_power'] ?? null,
            'texts' => $this->reading === null ? [] : Readings::texts($this->reading),
        ];
    }
}
