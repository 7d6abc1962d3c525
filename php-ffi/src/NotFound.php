<?php

declare(strict_types=1);

namespace Pegel;

/** The board, or the field, does not exist. */
final class NotFound extends Exception
{
    public const CODE = 20;
}
