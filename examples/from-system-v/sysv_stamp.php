<?php

/** The side of PHP. */

declare(strict_types=1);

const KEY = 0x50454745;

$semaphore = sem_get(KEY);
$memory = shmop_open(KEY, 'c', 0660, 32);
sem_acquire($semaphore);
$seen = rtrim(shmop_read($memory, 0, 32), "\0") ?: 'nothing';
shmop_write($memory, str_pad(sprintf('%.3f', microtime(true)), 32, "\0"), 0);
sem_release($semaphore);
echo "PHP saw $seen\n";
