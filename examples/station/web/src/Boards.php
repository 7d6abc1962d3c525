<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Conflict, Field, Locked, NotFound, Reader, Schema, Snapshot, Unpublished, Writer};

/**
 * The station's boards, as the page uses them: it reads `inverter`, and writes `config` and `service` by turns.
 *
 * Whoever comes first, page or daemon, creates those two.
 */
final class Boards
{
    public const STRINGS = 2;
    private const BY_TURNS = 0660;

    /** The newest reading, or null when nothing was ever measured. */
    public function inverter(): ?Snapshot
    {
        try {
            return Reader::open('inverter')->read();
        } catch (NotFound | Unpublished) {
            return null;
        }
    }

    public function config(): Snapshot
    {
        $fields = ['interval' => Field::f64('s'), 'rated_power' => Field::f64('W', self::STRINGS)];
        return $this->read('config', Schema::of(...$fields), ['interval' => 5.0, 'rated_power' => [405.0, 405.0]]);
    }

    /**
     * Saves the configuration if nobody else did since that sequence.
     *
     * @param list<float> $ratedPower
     * @throws Conflict
     */
    public function saveConfig(int $sequence, float $interval, array $ratedPower): void
    {
        Writer::open('config')->publishIf($sequence, interval: $interval, rated_power: $ratedPower);
    }

    /** Whether the daemon shall run, which the launcher sees to. */
    public function service(): Snapshot
    {
        return $this->read('service', Schema::of(running: Field::bool()), ['running' => false]);
    }

    public function want(bool $running): void
    {
        $this->service();
        Writer::open('service')->publish(running: $running);
    }

    /** @param array<string, mixed> $defaults */
    private function read(string $board, Schema $schema, array $defaults): Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound | Unpublished) {
            try {
                Writer::create($board, $schema, mode: self::BY_TURNS)->publishIf(0, ...$defaults);
            } catch (Conflict) {
                return Reader::open($board)->read();
            } catch (Locked) {
                // Somebody else is creating it at this moment, and will have in the next.
                usleep(2000);
                return $this->read($board, $schema, $defaults);
            }
            return Reader::open($board)->read();
        }
    }
}
