<?php

/**
 * Prints a number of readings of board `inverter-114181807700` as they are published, each once, as
 * lines of JSON.
 */

declare(strict_types=1);

use Pegel\{NotFound, Reader};

require __DIR__ . '/../../php-ffi/autoload.php';

$count = (int) $argv[1];
while (true) {
    try {
        $inverter = Reader::open('inverter-114181807700');
        break;
    } catch (NotFound) {
        usleep(10_000);
    }
}
for ($sequence = 1; $sequence <= $count; $sequence++) {
    $inverter->wait($sequence - 1);
    $flags = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION;
    echo json_encode($inverter->readAt($sequence), $flags), "\n";
}
