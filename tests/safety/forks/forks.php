<?php

/** A writer whose process forks, for test_forks.py. */

declare(strict_types=1);

use Pegel\{Field, InvalidArgument, Schema, Writer};

require __DIR__ . '/../../../php-ffi/autoload.php';

$writer = Writer::create($argv[1], Schema::of(number: Field::u64()));
$writer->publish(number: 1);
$child = pcntl_fork();
if ($child === 0) {
    try {
        $writer->publish(number: 2);
    } catch (InvalidArgument $refused) {
        $isTold = str_contains($refused->getMessage(), 'fork');
    }
    // Its destructors run, too.
    exit($isTold ?? false ? 0 : 1);
}
pcntl_waitpid($child, $status);
if ($status !== 0) {
    exit(2);
}
echo $writer->publish(number: 2), "\n";

// This one outlives its parent, which is killed once the child says that it is there.
if (pcntl_fork() === 0) {
    echo "ready\n";
}
fgets(STDIN);
