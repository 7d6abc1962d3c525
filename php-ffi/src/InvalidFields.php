<?php

declare(strict_types=1);

namespace Pegel;

/** Fields that do not form a schema or are not the board's, or values that do not fit them. */
final class InvalidFields extends Exception
{
    public const CODE = 11;
}
