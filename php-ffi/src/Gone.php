<?php

declare(strict_types=1);

namespace Pegel;

/** The board was replaced or removed; open it again. */
final class Gone extends Exception
{
    public const CODE = 26;
}
