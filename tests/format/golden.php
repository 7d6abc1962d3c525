<?php

// Prints the records that a board still holds, for test_format.py.

declare(strict_types=1);

use Pegel\Reader;

require __DIR__ . '/../../php-ffi/autoload.php';

$reader = Reader::open($argv[1]);
$records = [];
foreach ($reader->last(100) as $then) {
    $isRecord = $reader->schema()->document === null;
    $records[$then->sequence] = $isRecord ? $then->toArray() : $then->document;
}
$sequence = $reader->sequence();
$description = $reader->schema()->description;
$hexadecimal = fn (mixed $record): mixed => is_string($record) ? bin2hex($record) : $record;
$known = [
    'sequence' => $sequence,
    'description' => $description,
    'history' => array_map($hexadecimal, $records),
];
echo json_encode($known, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
