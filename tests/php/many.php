<?php

/** One request of requests.py: reads a board, and writes it if there is something to write. */

declare(strict_types=1);

use Pegel\{Field, Reader, Schema, Writer};

require getenv('PEGEL_PACKAGE') . '/autoload.php';

parse_str($_SERVER['QUERY_STRING'], $query);
$schema = Schema::of(number: Field::u64(default: 0), note: Field::text(100, default: ''));
try {
    match ($query['do']) {
        'read' => null,
        'create' => Writer::create($query['board'], $schema),
        'publish' => Writer::open($query['board'], timeout: 1.0)->publish(
            number: (int) $query['number']
        ),
        'fail' => Writer::open($query['board'])->publish(number: -1),
        'worker' => exit((string) getmypid()),
    };
    echo Reader::open($query['board'])->read()['number'];
} catch (Pegel\Exception $exception) {
    echo $exception::class;
}
