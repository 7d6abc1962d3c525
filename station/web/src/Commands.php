<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Full, Locked, NotFound, Reader, Snapshot};

/** Commands to the inverters, and what became of them: docs/commands.md. */
final class Commands
{
    public const ACTIONS = ['limit', 'on', 'off', 'restart'];
    /** Watts of an inverter, by the first digits of its serial number. */
    public const RATED = ['1121' => 300.0, '1141' => 600.0, '1161' => 1200.0];
    private const SENDER = 'page';
    private const SHOWN = 15;

    public function __construct(private readonly Boards $boards)
    {
    }

    /** Whether somebody does commands now. */
    public function areDone(): bool
    {
        try {
            return Reader::open('answers')->writerAlive();
        } catch (NotFound) {
            return false;
        }
    }

    /**
     * Asks for something; its number is how it is found in the list.
     *
     * @throws Full|Locked if nobody gets to it
     */
    public function send(
        string $inverter,
        string $action,
        float $limit,
        bool $isRelative,
        bool $isPermanent,
        int $now,
    ): int {
        return $this->boards->turn('commands')->publishUnlessFull(
            Reader::open('answers')->read()['command'],
            inverter: $inverter,
            action: $action,
            limit: $limit,
            relative: $isRelative,
            permanent: $isPermanent,
            sender: self::SENDER,
            asked: $now,
        );
    }

    /** @return list<array{command: Snapshot, answer: ?Snapshot}> the newest first, each with what it came to last */
    public function newest(): array
    {
        $answers = [];
        foreach ($this->boards->last('answers', 2 * self::SHOWN + 2) as $answer) {
            $answers[$answer['command']] ??= $answer;
        }
        $list = [];
        foreach ($this->boards->last('commands', self::SHOWN) as $command) {
            if (!$command->isDefault) {
                $list[] = ['command' => $command, 'answer' => $answers[$command->sequence] ?? null];
            }
        }
        return $list;
    }
}
