<?php

// Has something done by another process, and waits until it is: sender.php LIMIT...
//
// Exits with 3, and sends nothing, if nobody listens.

declare(strict_types=1);

use Pegel\{Reader, Timeout, Writer};

require 'vendor/autoload.php';

function send(float $limit, float $timeout = 5.0): string
{
    $answers = Reader::open('answers');
    $before = $answers->read();
    if (!$before->writerAlive) {
        fwrite(STDERR, "nobody listens: the doer does not run\n");
        exit(3);
    }
    $commands = Writer::open('commands', timeout: $timeout);
    $command = $commands->publishUnlessFull($before['command'], limit: $limit);
    $commands->close();
    $after = $before->sequence;
    foreach ($answers->follow(after: $after, every: true, timeout: $timeout) as $answer) {
        if ($answer['command'] === $command && $answer['done']) {
            return $answer['message'];
        }
    }
    throw new Timeout("no answer to command $command within $timeout s");
}

foreach (array_slice($argv, 1) as $argument) {
    echo send((float) $argument), "\n";
}
