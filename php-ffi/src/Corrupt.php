<?php

declare(strict_types=1);

namespace Pegel;

/** The file is no board, or damaged; or a document is no JSON. */
final class Corrupt extends Exception
{
    public const CODE = 30;
}
