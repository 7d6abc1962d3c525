<?php

declare(strict_types=1);

namespace Pegel;

/** That sequence is not, or no longer, in the ring. */
final class Overwritten extends Exception
{
    public const CODE = 23;
}
