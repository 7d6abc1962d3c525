<?php

declare(strict_types=1);

namespace Pegel;

/** An argument that no board could accept. */
final class InvalidArgument extends Exception
{
    public const CODE = 10;
}
