<?php

declare(strict_types=1);

namespace Pegel;

/** A file whose owner, type or links cannot be trusted. */
final class Untrusted extends Exception
{
    public const CODE = 32;
}
