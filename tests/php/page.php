<?php

/**
 * One request of test_php_binding.py, in php-fpm or in the CLI: does what its query says and prints
 * JSON.
 */

declare(strict_types=1);

use Pegel\Field;
use Pegel\Reader;
use Pegel\Schema;
use Pegel\Writer;

require getenv('PEGEL_PACKAGE') . '/autoload.php';

parse_str($_SERVER['QUERY_STRING'] ?? $argv[1], $query);

/** Takes the board and ends the request in a way that calls no destructors. */
function take(string $end): never
{
    $GLOBALS['writer'] = Writer::open('roof', timeout: 0);
    match ($end) {
        'exit' => exit('"left"'),
        'exception' => throw new DomainException('nobody catches it'),
        'memory' => str_repeat('x', 1 << 40),
        'time' => loop(),
    };
}

function loop(): never
{
    set_time_limit(1);
    while (true) {
        continue;
    }
}

/** How much of the boards this worker still has from the requests before. */
function remains(): array
{
    $files = array_map(
        fn (string $link): string => (string) @readlink($link),
        glob('/proc/self/fd/*')
    );
    $maps = preg_grep('~/pegel\.roof~', file('/proc/self/maps'));
    return [count(preg_grep('~/pegel\.roof~', $files)), count($maps)];
}

$schema = fn (): Schema => Schema::of(level: Field::f64('m'), note: Field::text(24));
$snapshot = fn (Pegel\Snapshot $now): array => [
    'values' => $now->toArray(),
    'sequence' => $now->sequence,
    'age' => $now->age,
    'alive' => $now->writerAlive,
];

header('Content-Type: application/json');
try {
    $answer = match ($query['do']) {
        'create' => Writer::create($query['board'] ?? 'roof', $schema())->sequence(),
        'write' => Writer::open('roof', timeout: 0)->publish(
            level: (float) $query['level'],
            note: 'Regen über Köln'
        ),
        'raise' => Writer::open('roof')->update(
            fn (array $now): array => [...$now, 'level' => $now['level'] + 1]
        ),
        'read' => $snapshot(Reader::open('roof')->read()),
        'wait' => Reader::open('roof')->wait((int) $query['after']),
        'follow' => $snapshot(Reader::open('roof')->follow()->current()),
        'take' => take($query['end']),
        'remains' => remains(),
        'describe' => Pegel\Loader::describe(),
        'ffi' => FFI::cdef('int getpid(void);')->getpid(),
    };
} catch (Pegel\Exception | FFI\Exception $exception) {
    $answer = [$exception::class, $exception->getMessage()];
}
echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
