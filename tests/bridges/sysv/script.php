<?php

// As script.py, in PHP: script.php KEY

declare(strict_types=1);

$key = (int) $argv[1];
$memory = shmop_open($key, 'w', 0, 0);
$semaphore = sem_get($key, 1, 0660);

while (($line = fgets(STDIN)) !== false) {
    [$verb, $rest] = explode(' ', rtrim($line, "\n") . ' ', 2);
    $rest = rtrim($rest, ' ');
    $answer = 'held';
    if ($verb === 'read') {
        sem_acquire($semaphore);
        $answer = rtrim(shmop_read($memory, 0, shmop_size($memory)), "\0");
        sem_release($semaphore);
    } elseif ($verb === 'write') {
        sem_acquire($semaphore);
        shmop_write($memory, str_pad($rest, shmop_size($memory), "\0"), 0);
        sem_release($semaphore);
        $answer = 'written';
    } elseif ($verb === 'half') {
        sem_acquire($semaphore);
        shmop_write($memory, $rest, 0);
    } elseif ($verb === 'hold') {
        sem_acquire($semaphore);
    } elseif ($verb === 'release') {
        sem_release($semaphore);
        $answer = 'released';
    }
    echo $answer, "\n";
}
