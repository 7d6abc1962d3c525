<?php

declare(strict_types=1);

namespace Pegel;

/** A fault in Pegel itself. */
final class Panic extends Exception
{
    public const CODE = 50;
}
