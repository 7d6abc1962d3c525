<?php

declare(strict_types=1);

namespace Pegel;

/** There is no such board, or no such field. */
final class NotFound extends Exception
{
    public const CODE = 20;
}
