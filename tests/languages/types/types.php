<?php

/** For test_every_type.py: `types.php read` or `types.php write JSON`, for a board of each type. */

declare(strict_types=1);

use Pegel\Reader;
use Pegel\Writer;

require __DIR__ . '/../../../php-ffi/autoload.php';

$values = json_decode($argv[2], true, flags: JSON_BIGINT_AS_STRING);
$shown = [];
foreach ($values as $kind => $value) {
    $document = $kind === 'json' || $kind === 'bytes';
    if ($argv[1] === 'write') {
        $value = $kind === 'bytes' ? base64_decode($value) : $value;
        Writer::open("a-$kind")->publish($document ? $value : ['value' => $value]);
    }
    $now = Reader::open("a-$kind")->read();
    $shown[$kind] = $document ? $now->document : $now['value'];
    if ($kind === 'bytes') {
        $shown[$kind] = base64_encode($shown[$kind]);
    }
}
echo json_encode($shown, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
