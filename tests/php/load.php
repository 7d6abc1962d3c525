<?php

/** One request of load.py: a page that says 500, and why, unless all that it got is whole. */

declare(strict_types=1);

use Pegel\{Reader, Writer};

require getenv('PEGEL_PACKAGE') . '/autoload.php';

function readings(): int
{
    $now = Reader::open('readings')->read();
    $count = $now['count'];
    $isWhole = $now['copies'] === array_fill(0, count($now['copies']), $count)
        && $now['text'] === (string) $count;
    return $isWhole ? $now->sequence : throw new UnexpectedValueException(
        'torn: ' . json_encode($now)
    );
}

function config(): int
{
    $now = Reader::open('config')->read();
    $isWhole = $now['saved'] === $now['twice'] / 2;
    return $isWhole ? $now['saved'] : throw new UnexpectedValueException(
        'torn: ' . json_encode($now)
    );
}

function save(): int
{
    $more = fn (array $now): array
        => ['saved' => $now['saved'] + 1, 'twice' => $now['twice'] + 2] + $now;
    return Writer::open('config', timeout: null)->update($more);
}

try {
    echo match ($_SERVER['QUERY_STRING']) {
        'readings' => readings(),
        'config' => config(),
        'save' => save(),
    };
} catch (Throwable $thrown) {
    http_response_code(500);
    echo get_class($thrown), ': ', $thrown->getMessage();
    error_log(
        "page {$_SERVER['QUERY_STRING']}: " . get_class($thrown) . ": {$thrown->getMessage()}"
    );
}
