<?php

declare(strict_types=1);

namespace Pegel;

/** Nothing has been published yet: PEGEL_EMPTY, since `Empty` is no name for a class in PHP. */
final class Unpublished extends Exception
{
    public const CODE = 22;
}
