<?php

declare(strict_types=1);

namespace Pegel;

/** The system denies access. */
final class Denied extends Exception
{
    public const CODE = 40;
}
