<?php

/** What a page may do with the daemon's board: read it, and nothing else. */

declare(strict_types=1);

use Pegel\{Reader, Writer};

require getenv('PEGEL_PACKAGE') . '/autoload.php';

function outcome(callable $try): string
{
    try {
        return (string) $try();
    } catch (Throwable $error) {
        return $error::class . ": {$error->getMessage()}";
    }
}

echo json_encode([
    'user' => posix_getpwuid(posix_geteuid())['name'],
    'read' => outcome(fn (): string => Reader::open('inverter')->read()['serial']),
    'open' => outcome(fn (): Writer => Writer::open('inverter')),
    'create' => outcome(fn (): Writer => Writer::create('inverter', Reader::open('inverter')->schema())),
], JSON_THROW_ON_ERROR);
