<?php

declare(strict_types=1);

namespace Pegel;

/** The file system is full. */
final class NoSpace extends Exception
{
    public const CODE = 42;
}
