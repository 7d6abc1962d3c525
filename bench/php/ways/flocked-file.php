<?php

/** A file that is written in place, under flock(). */

declare(strict_types=1);

$file = fopen(getenv('BENCH_PLACE') . '/record.packed', 'r');
// Otherwise a second read would return the cached bytes of the first.
stream_set_read_buffer($file, 0);
return function () use ($file): array {
    flock($file, LOCK_SH);
    rewind($file);
    $record = fread($file, PACKED_SIZE);
    flock($file, LOCK_UN);
    return fromPacked($record);
};
