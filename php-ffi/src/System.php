<?php

declare(strict_types=1);

namespace Pegel;

/** The system failed otherwise. */
final class System extends Exception
{
    public const CODE = 41;
}
