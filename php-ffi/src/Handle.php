<?php

declare(strict_types=1);

namespace Pegel;

/**
 * An open reader or writer of the library, until it is closed, and the memory for what it reads. Only Library
 * looks into it.
 *
 * @internal
 */
final class Handle
{
    /** A stamp, and behind it the room for a record; and where both are. */
    public ?object $place = null;
    public ?object $stamp = null;
    public ?object $record = null;
    public int $room = 0;

    /** @param object|null $writer null: a reader's; a writer's handle has the writer's own reader beside it */
    public function __construct(
        public readonly string $board,
        public ?object $reader,
        public ?object $writer = null,
    ) {
    }

    public function reader(): object
    {
        return $this->reader ?? throw new InvalidArgument("board {$this->board}: it is closed; open it again");
    }

    public function writer(): object
    {
        return $this->writer ?? throw new InvalidArgument("board {$this->board}: this writer is closed; open another");
    }
}
