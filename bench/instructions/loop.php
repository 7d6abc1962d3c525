<?php

/** Reads or publishes a record of 64 bytes TIMES times, or does nothing: `loop.php WAY TIMES`. */

declare(strict_types=1);

use Pegel\{Field, Reader, Schema, Writer};

require dirname(__DIR__, 2) . '/php-ffi/autoload.php';

[, $way, $times] = $argv;
$fields = array_fill_keys(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], Field::f64());
$writer = Writer::create('loop', Schema::of(...$fields));
$record = array_fill_keys(array_keys($fields), 1.5);
$writer->publish(...$record);
$reader = Reader::open('loop');
$do = [
    'nothing' => fn (): mixed => null,
    'read' => fn (): mixed => $reader->read()->toArray(),
    'publish' => fn (): mixed => $writer->publish(...$record),
][$way];
for ($turn = 0; $turn < (int) $times; $turn++) {
    $do();
}
