<?php

declare(strict_types=1);

namespace Pegel;

/** The record does not fit the board; the message has both sizes. */
final class TooLarge extends Exception
{
    public const CODE = 12;
}
