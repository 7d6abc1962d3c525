<?php

/** Says how old the record of a board is that tells no times, and when it was published. */

declare(strict_types=1);

require dirname(__DIR__, 3) . '/php-ffi/autoload.php';

$now = Pegel\Reader::open('parts')->read();
echo $now->age, ' ', json_encode($now->publishedAt);
