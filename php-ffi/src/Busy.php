<?php

declare(strict_types=1);

namespace Pegel;

/** The writer lapped every attempt to read. */
final class Busy extends Exception
{
    public const CODE = 25;
}
