<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Conflict, Field, NotFound, Reader, Schema, Snapshot, Unpublished, Writer};

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

    public static function configSchema(): Schema
    {
        $rated = array_fill(0, self::STRINGS, 405.0);
        return Schema::of(
            interval: Field::f64('s', default: 5.0, min: 0.1, max: 3600.0, label: 'Ask every'),
            rated_power: Field::f64('W', self::STRINGS, default: $rated, min: 1.0, max: 1e4, label: 'Rated power'),
        );
    }

    public function config(): Snapshot
    {
        return $this->read('config', self::configSchema(...));
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
        $schema = fn (): Schema => Schema::of(running: Field::bool(default: false, label: 'The daemon shall run'));
        return $this->read('service', $schema);
    }

    public function want(bool $running): void
    {
        $this->service();
        Writer::open('service')->publish(running: $running);
    }

    /** @param callable(): Schema $schema of a board that is not there yet */
    private function read(string $board, callable $schema): Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound) {
            // Others may be creating it at this moment; then it has its defaults, or what they saved, in the next.
            return Writer::create($board, $schema(), mode: self::BY_TURNS, timeout: 5.0)->read();
        }
    }
}
