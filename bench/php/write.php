<?php

/** Publishes the record in one way: for SECONDS, prints the nanoseconds of a publication. */

declare(strict_types=1);

require __DIR__ . '/batches.php';
require getenv('PEGEL_PACKAGE') . '/autoload.php';

$record = json_decode(file_get_contents(getenv('BENCH_PLACE') . '/record.json'), true);

/** A board of this process, with the fields of the other. */
function publishing(array $record): Closure
{
    $schema = Pegel\Reader::open('probe')->schema();
    $writer = Pegel\Writer::create('own-' . getmypid(), $schema);
    return fn () => $writer->publish($record);
}

$publish = match ($argv[1]) {
    'pegel' => publishing($record),
    'apcu' => fn () => apcu_store('own', $record),
};
while (($seconds = fgets(STDIN)) !== false) {
    echo medianOfBatches($publish, (float) $seconds), "\n";
}
