<?php

// A program made for one version of a schema: version.php VERSION read | VERSION write LEVEL.

declare(strict_types=1);

use Pegel\{Field, InvalidFields, Reader, Schema, Writer};

require __DIR__ . '/../../../php-ffi/autoload.php';

$first = ['level' => Field::f64('m'), 'rain' => Field::bool()];
$versions = [
    'first' => $first,
    'default' => $first + ['limit' => Field::u16(default: 80)],
    'optional' => $first + ['wind' => Field::f32(optional: true)],
    'plain' => $first + ['hot' => Field::bool()],
    'feet' => ['level' => Field::f64('ft')] + $first,
    'less' => ['level' => Field::f64('m')],
];
[, $version, $task] = $argv;
$fields = $versions[$version];
try {
    if ($task === 'read') {
        $now = Reader::open('tank', Schema::of(...$fields))->read()->toArray();
        echo json_encode(array_intersect_key($now, $fields)), "\n";
    } else {
        $values = ['level' => (float) $argv[3], 'rain' => true, 'limit' => 60];
        $values += ['wind' => 1.5, 'hot' => true];
        $writer = Writer::create('tank', Schema::of(...$fields));
        $writer->publish(...array_intersect_key($values, $fields));
    }
} catch (InvalidFields $error) {
    echo 'INVALID_FIELDS ', $error->getMessage(), "\n";
}
