<?php

/** Prints the age of a record without a stamp, and when it was published. */

declare(strict_types=1);

require dirname(__DIR__, 3) . '/php-ffi/autoload.php';

$now = Pegel\Reader::open('parts')->read();
echo $now->age, ' ', json_encode($now->publishedAt);
