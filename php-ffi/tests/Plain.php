<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\Field;

/** Without a constructor. */
final class Plain
{
    #[Field(unit: 'm')]
    public readonly float $level;
}
