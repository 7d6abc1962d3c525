<?php

declare(strict_types=1);

namespace Pegel;

/** The library cannot be loaded or may not be used; the message says what to install or set. */
final class Unavailable extends Exception
{
    public const CODE = 0;
}
