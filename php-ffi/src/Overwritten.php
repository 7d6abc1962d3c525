<?php

declare(strict_types=1);

namespace Pegel;

/** The ring does not hold that sequence, or no longer. */
final class Overwritten extends Exception
{
    public const CODE = 23;
}
