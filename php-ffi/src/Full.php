<?php

declare(strict_types=1);

namespace Pegel;

/** The ring is full of publications that nobody acknowledged yet. */
final class Full extends Exception
{
    public const CODE = 28;
}
