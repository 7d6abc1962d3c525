<?php

declare(strict_types=1);

namespace Pegel;

/** The ring is full of records that are not acknowledged yet. */
final class Full extends Exception
{
    public const CODE = 28;
}
