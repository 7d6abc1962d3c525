<?php

// Does the commands of others in their order: doer.php at-most-once | at-least-once.

declare(strict_types=1);

use Pegel\{Field, Reader, Schema, Writer};

require 'vendor/autoload.php';

function limitTo(float $limit): string
{
    file_put_contents('limits.log', "$limit\n", FILE_APPEND);
    return "limited to $limit %";
}

$commands = Schema::of(limit: Field::f64('%', min: 0.0, max: 100.0));
Writer::create('commands', $commands, mode: 0660, timeout: 5.0)->close();
$answers = Writer::create('answers', Schema::of(
    command: Field::u64(default: 0),
    done: Field::bool(default: true),
    message: Field::text(80, default: ''),
));
$last = $answers->read();
if (!$last['done']) {
    $answers->publish(command: $last['command'], done: true, message: 'interrupted');
}
foreach (Reader::open('commands')->follow(after: $last['command'], every: true) as $command) {
    if ($argv[1] === 'at-most-once') {
        $answers->publish(command: $command->sequence, done: false, message: 'accepted');
    }
    $message = limitTo($command['limit']);
    $answers->publish(command: $command->sequence, done: true, message: $message);
}
