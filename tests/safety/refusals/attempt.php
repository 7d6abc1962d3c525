<?php

/** Tries one thing with a board for test_bad_boards.py: prints the status and its message. */

declare(strict_types=1);

use Pegel\Field;
use Pegel\Reader;
use Pegel\Schema;
use Pegel\Writer;

require __DIR__ . '/../../../php-ffi/autoload.php';

const RECORD = ['level' => 3.21, 'rain' => true, 'note' => 'rising'];

[, $action, $board] = $argv;
$tank = fn () => Schema::of(level: Field::f64('m'), rain: Field::bool(), note: Field::text(24));
$lose = function (Reader $reader) use ($board): void {
    Writer::unlink($board);
    $reader->read();
};
// Somebody removes the lock file alone.
$loseLock = function (Writer $writer) use ($board): never {
    $writer->publish(...RECORD);
    unlink(getenv('PEGEL_DIR') . "/pegel.$board.lock");
    while (true) {
        $writer->publish(...RECORD);
    }
};

try {
    match ($action) {
        'create' => Writer::create($board, $tank())->publish(...RECORD),
        'differ' => Writer::create($board, Schema::of(level: Field::f64('cm'))),
        'unlink' => Writer::unlink($board),
        'write' => Writer::open($board, timeout: 0.0)->publish(...RECORD),
        'conflict' => Writer::open($board, timeout: 0.0)->publishIf(1000, ...RECORD),
        'read' => Reader::open($board)->read(),
        'read_at' => Reader::open($board)->readAt(1000),
        'wait' => Reader::open($board)->wait(1000, timeout: 1e-6),
        'lose_lock' => $loseLock(Writer::open($board)),
        'lose' => $lose(Reader::open($board)),
    };
    echo "0\t\n";
} catch (Pegel\Exception $exception) {
    echo $exception->getCode(), "\t", $exception->getMessage(), "\n";
}
