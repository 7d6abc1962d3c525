<?php

/**
 * Reads the record in one way: for `read SECONDS` or `open SECONDS`, prints the nanoseconds of a
 * read, or of opening, reading and closing.
 */

declare(strict_types=1);

require __DIR__ . '/batches.php';
require __DIR__ . '/packed.php';
require __DIR__ . '/store.php';

$way = __DIR__ . "/ways/$argv[1].php";
$read = require $way;
$turns = ['read' => $read, 'open' => fn (): array => (require $way)()];
$record = json_decode(file_get_contents(getenv('BENCH_PLACE') . '/record.json'), true);

while (($line = fgets(STDIN)) !== false) {
    [$turn, $seconds] = explode(' ', $line);
    if ($turns[$turn]() !== $record) {
        fwrite(STDERR, "$argv[1] reads another record: " . json_encode($read()));
        exit(1);
    }
    echo medianOfBatches($turns[$turn], (float) $seconds), "\n";
}
