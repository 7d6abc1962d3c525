<?php

declare(strict_types=1);

namespace Pegel;

/** Nothing has been published yet. PEGEL_EMPTY in C: PHP reserves the name `Empty`. */
final class Unpublished extends Exception
{
    public const CODE = 22;
}
