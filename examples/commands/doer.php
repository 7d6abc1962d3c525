<?php

// Does the commands of others in their order: doer.php FORM [MAX_AGE [ROUND]].
//
// FORM is at-most-once or at-least-once. A command older than MAX_AGE seconds (60) is refused. With
// ROUND, the program is a loop of its own, which takes what has come every ROUND seconds.

declare(strict_types=1);

use Pegel\{Field, Reader, Schema, Snapshot, Writer};

require 'vendor/autoload.php';

function limitTo(float $limit): string
{
    file_put_contents('limits.log', "$limit\n", FILE_APPEND);
    return "limited to $limit %";
}

function handle(Snapshot $command, Writer $answers, string $form, float $maxAge): void
{
    $number = $command->sequence;
    if ($command->age > $maxAge) {
        $message = sprintf('too old: %.1f s', $command->age);
        $answers->publish(command: $number, done: true, message: $message);
        return;
    }
    if ($form === 'at-most-once') {
        $answers->publish(command: $number, done: false, message: 'accepted');
    }
    $answers->publish(command: $number, done: true, message: limitTo($command['limit']));
}

$form = $argv[1];
$maxAge = (float) ($argv[2] ?? 60);
$pause = isset($argv[3]) ? (float) $argv[3] : null;
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
$after = $last['command'];
$reader = Reader::open('commands');
while (true) {
    // A timeout of 0 takes what has come, and does not wait; null waits for ever.
    $timeout = $pause === null ? null : 0.0;
    foreach ($reader->follow(after: $after, every: true, timeout: $timeout) as $command) {
        handle($command, $answers, $form, $maxAge);
        $after = $command->sequence;
    }
    usleep((int) ($pause * 1e6)); // the loop's own work
}
