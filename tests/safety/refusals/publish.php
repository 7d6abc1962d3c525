<?php

/** Publishes each line of JSON for test_bad_values.py, and prints the status and its message. */

declare(strict_types=1);

use Pegel\Writer;

require __DIR__ . '/../../../php-ffi/autoload.php';

$writer = Writer::open($argv[1]);
while (($line = fgets(STDIN)) !== false) {
    try {
        $writer->publish(json_decode($line, true, flags: JSON_THROW_ON_ERROR));
        echo "0\t\n";
    } catch (Pegel\Exception $exception) {
        echo $exception->getCode(), "\t", $exception->getMessage(), "\n";
    }
}
