<?php

// What a page sees of a board: sequence, generation, age and fields.

declare(strict_types=1);

use Pegel\Reader;

require __DIR__ . '/../../../php-ffi/autoload.php';

$reader = Reader::open($argv[1]);
$now = $reader->read();
$fields = $now->toArray();
$board = [
    'sequence' => $now->sequence,
    'generation' => $now->generation,
    'age' => $now->age,
    'fields' => $fields,
    'mirror' => $reader->info()->mirror,
];
echo json_encode($board, JSON_THROW_ON_ERROR), "\n";
