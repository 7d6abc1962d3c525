<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, Type};

/** A class of a program, whose constructor checks its arguments. */
final class Tank
{
    public bool $isFull = false;

    #[Field(min: 0, max: 100)]
    public int $share = 50;

    public function __construct(
        #[Field(unit: 'm', label: 'Water level')]
        public readonly float $level,
        #[Field(name: 'is_raining')]
        public readonly bool $isRaining,
        #[Field(Type::U16, 'W', count: 2)]
        public readonly array $rated,
        #[Field(Type::U64)]
        public readonly int|string $total = 0,
        #[Field(size: 8)]
        public readonly string $note = 'none',
        #[Field(Type::F32)]
        public readonly ?float $wind = null,
    ) {
        $this->isFull = $level > 3;
    }
}
