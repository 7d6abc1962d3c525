<?php

declare(strict_types=1);

namespace Pegel\Tests;

/** A class without a constructor. */
final class Plain extends PlainParent
{
}
