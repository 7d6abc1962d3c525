<?php

/** What a page may do with the daemon's boards: read them, and nothing else. */

declare(strict_types=1);

use Pegel\{Reader, Writer};

require getenv('PEGEL_PACKAGE') . '/autoload.php';

const INVERTER = 'inverter-114181807700';

function outcome(callable $try): string
{
    try {
        return (string) $try();
    } catch (Throwable $error) {
        return $error::class . ": {$error->getMessage()}";
    }
}

$file = getenv('PEGEL_DIR') . '/pegel.' . INVERTER;
$daemon = dirname(getenv('STATION_LOG'));
echo json_encode([
    'user' => posix_getpwuid(posix_geteuid())['name'],
    'read' => outcome(fn (): string => Reader::open(INVERTER)->read()['serial']),
    'open' => outcome(fn (): Writer => Writer::open(INVERTER)),
    'create' => outcome(
        fn (): Writer => Writer::create(INVERTER, Reader::open(INVERTER)->schema())
    ),
    'unlink' => outcome(fn () => Writer::unlink(INVERTER)),
    'rename' => @rename($file, "$file.away"),
    'remove' => @unlink($file),
    'log' => @file_put_contents(getenv('STATION_LOG'), 'x') !== false,
    'port' => @unlink("$daemon/radio"),
    'programs' => array_values(array_filter(
        ['exec', 'system', 'proc_open', 'popen', 'shell_exec'],
        'function_exists'
    )),
], JSON_THROW_ON_ERROR);
