<?php

declare(strict_types=1);

namespace Pegel;

/** A board of another layout version, or a library of another ABI. */
final class Unsupported extends Exception
{
    public const CODE = 31;
}
