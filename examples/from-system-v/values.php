<?php

/** The page, which reads the record even if its writer has exited. */

declare(strict_types=1);

use Pegel\Reader;

require 'vendor/autoload.php';

$now = Reader::open('values')->read();
echo "{$now['power']} W, ", round($now->age), " s old\n";
