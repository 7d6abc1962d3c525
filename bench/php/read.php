<?php

/** Reads the record in one way: told how many seconds to measure, it says the nanoseconds of a read. */

declare(strict_types=1);

const BATCH = 100;

require __DIR__ . '/packed.php';
require __DIR__ . '/store.php';

$read = require __DIR__ . "/ways/$argv[1].php";
$record = json_decode(file_get_contents(getenv('BENCH_PLACE') . '/record.json'), true);

function medianOfBatches(Closure $read, float $seconds): float
{
    $batches = [];
    $end = hrtime(true) + $seconds * 1e9;
    do {
        $start = hrtime(true);
        for ($i = 0; $i < BATCH; $i++) {
            $read();
        }
        $now = hrtime(true);
        $batches[] = ($now - $start) / BATCH;
    } while ($now < $end);
    sort($batches);
    return $batches[intdiv(count($batches), 2)];
}

while (($seconds = fgets(STDIN)) !== false) {
    if ($read() !== $record) {
        fwrite(STDERR, "$argv[1] reads another record: " . json_encode($read()));
        exit(1);
    }
    echo medianOfBatches($read, (float) $seconds), "\n";
}
