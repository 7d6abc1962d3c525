<?php

declare(strict_types=1);

namespace Pegel;

/** Facts about a board itself. */
final class Info
{
    /** @internal */
    public function __construct(
        /** Bytes of a record; a document's capacity. */
        public readonly int $recordSize,
        /** Slots of the ring. */
        public readonly int $slots,
        /** Equal for equal schemas; 16 hexadecimal digits. */
        public readonly string $schemaHash,
        /** How many writers have opened the board. */
        public readonly int|string $generation,
        /** Permissions of the board's file. */
        public readonly int $mode,
        /**
         * The same in a board that replaces this one and continues its sequences; 16 hexadecimal
         * digits.
         */
        public readonly string $lineage,
        /** Whether its records have checksums. */
        public readonly bool $checksums,
        /** Whether it has a durable file. */
        public readonly bool $durable,
        /** Whether it mirrors a board of another machine, and cannot be written here. */
        public readonly bool $mirror,
    ) {
    }
}
