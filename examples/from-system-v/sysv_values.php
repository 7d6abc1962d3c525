<?php

/** A page that shows the values. */

declare(strict_types=1);

const KEY = 0x50454745;

$semaphore = sem_get(KEY);
sem_acquire($semaphore);
$memory = shmop_open(KEY, 'a', 0, 0);
$values = json_decode(shmop_read($memory, 0, shmop_size($memory)), true);
sem_release($semaphore);
$age = round(microtime(true) - $values['time']);
echo "{$values['power']} W, $age s old\n";
