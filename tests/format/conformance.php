<?php

/**
 * Prints the verdicts on the boards case0, case1, … of a directory, and their newest records.
 */

declare(strict_types=1);

require __DIR__ . '/../../php-ffi/autoload.php';

use Pegel\Corrupt;
use Pegel\Reader;
use Pegel\Unpublished;
use Pegel\Unsupported;

/** @return list<mixed> */
function verdict(string $board): array
{
    try {
        $reader = Reader::open($board);
        $snapshot = $reader->read();
        $record = $reader->schema()->document === null ? $snapshot->toArray() : $snapshot->document;
        $record = is_string($record) ? bin2hex($record) : $record;
        return ['OK', $snapshot->sequence, $record];
    } catch (Corrupt) {
        return ['CORRUPT', null, null];
    } catch (Unsupported) {
        return ['UNSUPPORTED', null, null];
    } catch (Unpublished) {
        return ['EMPTY', null, null];
    }
}

[, $directory, $count] = $argv;
$found = [];
for ($number = 0; $number < (int) $count; $number++) {
    $found[] = verdict("$directory/case$number");
}
echo json_encode($found, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
