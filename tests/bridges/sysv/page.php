<?php

// A page of the old kind, which decodes the whole segment and removes the semaphore: page.php KEY

declare(strict_types=1);

$key = (int) $argv[1];

while (($line = fgets(STDIN)) !== false) {
    $semaphore = sem_get($key, 1, 0660);
    sem_acquire($semaphore);
    $memory = shmop_open($key, 'a', 0, 0);
    $values = json_decode(shmop_read($memory, 0, shmop_size($memory)), true);
    sem_release($semaphore);
    sem_remove($semaphore);
    echo json_encode($values), "\n";
}
