<?php

/**
 * The way of the solar station that Pegel was made for: a semaphore is created and removed at every
 * access, and a segment for each length of the document.
 */

declare(strict_types=1);

$key = (int) getenv('BENCH_KEY');

/** @return array{string, mixed}|null The text and its value; null if there was none. */
return function () use ($key): ?array {
    // A segment that the daemon removed meanwhile causes a warning each time.
    $semaphore = @sem_get($key, 1, 0666);
    if ($semaphore === false || !@sem_acquire($semaphore)) {
        return null;
    }
    $memory = @shmop_open($key, 'a', 0, 0);
    $text = $memory === false ? null : shmop_read($memory, 0, shmop_size($memory));
    @sem_release($semaphore);
    @sem_remove($semaphore);
    return $text === null ? null : [$text, json_decode($text, true)];
};
