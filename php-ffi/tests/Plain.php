<?php

declare(strict_types=1);

namespace Pegel\Tests;

/** Without a constructor. */
final class Plain extends PlainParent
{
}
