<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\Field;

/** A class to inherit from. */
abstract class PlainParent
{
    #[Field(unit: 'm')]
    public readonly float $level;

    #[Field]
    public static int $count = 0;
}
