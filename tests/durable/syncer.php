<?php

// Opens a durable board, prints the restored record, publishes LEVEL, syncs, and waits.

declare(strict_types=1);

use Pegel\{Field, Reader, Schema, Unpublished, Writer};

require __DIR__ . '/../../php-ffi/autoload.php';

$writer = Writer::create('gauge', Schema::of(level: Field::f64('m')), durable: true);
$durable = Reader::open('gauge')->info()->durable ? 'durable' : '';
try {
    $now = $writer->read();
    echo "$now->sequence {$now['level']} $durable\n";
} catch (Unpublished) {
    echo "0 0 $durable\n";
}
$writer->publish(level: (float) $argv[1]);
echo $writer->sync(), "\n";
fgets(STDIN);
