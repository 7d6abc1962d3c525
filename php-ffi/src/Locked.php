<?php

declare(strict_types=1);

namespace Pegel;

/** Another writer holds the board, and did not release it in time. */
final class Locked extends Exception
{
    public const CODE = 21;
}
