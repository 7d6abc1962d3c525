<?php

// Publishes and reads by a class that was printed for a board: DIRECTORY CLASS BOARD.

declare(strict_types=1);

use Pegel\{Reader, Schema, Writer};

require __DIR__ . '/../../../php-ffi/autoload.php';
[, $directory, $class, $board] = $argv;
require "$directory/RoofTank1.php";

$writer = Writer::create($board, Schema::ofClass($class));
$writer->publish(['level' => 2.5, 'wind' => 1.5]);
$first = $writer->read()->to($class);
$writer->publish($first);
$now = Reader::open($board, Schema::ofClass($class))->read()->to($class);
echo json_encode([$now->level, $now->flags, $now->big, $now->wind, $now->switch, $now->names]);
exit($first == $now ? 0 : 1);
