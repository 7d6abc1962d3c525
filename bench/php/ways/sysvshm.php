<?php

/** PHP's own variables in System V shared memory, under a semaphore, as PHP's manual demands. */

declare(strict_types=1);

$key = (int) getenv('BENCH_KEY');
$semaphore = sem_get($key);
$memory = shm_attach($key + 1);
return function () use ($semaphore, $memory): array {
    sem_acquire($semaphore);
    $record = shm_get_var($memory, 1);
    sem_release($semaphore);
    return $record;
};
