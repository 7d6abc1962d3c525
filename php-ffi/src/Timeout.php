<?php

declare(strict_types=1);

namespace Pegel;

/** Nothing was published in time. */
final class Timeout extends Exception
{
    public const CODE = 24;
}
