<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Full, Locked, NotFound, Reader, Snapshot};

/** Commands to the inverters, and their answers: docs/commands.md. */
final class Commands
{
    public const ACTIONS = ['limit', 'on', 'off', 'restart'];
    /** The rated power of an inverter in watts, by the first digits of its serial number. */
    public const RATED = ['1121' => 300.0, '1141' => 600.0, '1161' => 1200.0];
    private const SENDER = 'page';
    private const MAX_SHOWN = 15;

    public function __construct(private readonly Boards $boards)
    {
    }

    /** Whether the daemon does commands now. */
    public function areDone(): bool
    {
        try {
            return Reader::open('answers')->writerAlive();
        } catch (NotFound) {
            return false;
        }
    }

    /**
     * Sends a command, and returns its number.
     *
     * @throws Full|Locked if too many commands are waiting
     */
    public function send(
        string $inverter,
        string $action,
        float $limit,
        bool $isRelative,
        bool $isPermanent,
        int $now,
    ): int {
        return $this->boards->writer('commands')->publishUnlessFull(
            Reader::open('answers')->read()['command'],
            inverter: $inverter,
            action: $action,
            limit: $limit,
            relative: $isRelative,
            permanent: $isPermanent,
            sender: self::SENDER,
            sent: $now,
        );
    }

    /**
     * The newest commands, the newest first, each with its last answer.
     *
     * @return list<array{command: Snapshot, answer: ?Snapshot}>
     */
    public function newest(): array
    {
        $answers = [];
        foreach ($this->boards->last('answers', 2 * self::MAX_SHOWN + 2) as $answer) {
            $answers[$answer['command']] ??= $answer;
        }
        $list = [];
        foreach ($this->boards->last('commands', self::MAX_SHOWN) as $command) {
            if (!$command->isDefault) {
                $list[] = ['command' => $command, 'answer' => $answers[$command->sequence] ?? null];
            }
        }
        return $list;
    }
}
