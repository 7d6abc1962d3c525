<?php

declare(strict_types=1);

namespace Pegel;

/** Fields that are no schema or not the board's, or values that do not fit them. */
final class InvalidFields extends Exception
{
    public const CODE = 11;
}
