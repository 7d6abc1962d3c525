<?php

declare(strict_types=1);

namespace Pegel;

/** The file is not a board, or it is damaged; or a document is not valid JSON. */
final class Corrupt extends Exception
{
    public const CODE = 30;
}
