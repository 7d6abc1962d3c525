<?php

declare(strict_types=1);

namespace Pegel;

/** Another program published after the sequence that was named. */
final class Conflict extends Exception
{
    public const CODE = 27;
}
