<?php

/**
 * Reads documents in one way, one after the other, for the given seconds. Prints how long the reads
 * took and how many of them failed.
 *
 * Each document is checked: by the daemon's counter at both ends, and a checksum of the part
 * between.
 */

declare(strict_types=1);

const CHECKSUM = ',"checksum":';

function isWhole(string $text, mixed $document): bool
{
    if (!is_array($document)) {
        return false;
    }
    $checked = substr($text, 0, (int) strrpos($text, CHECKSUM));
    return $document['checksum'] === crc32($checked) && $document['counter'] === $document['end'];
}

/** @param list<int> $times In their order. */
function percentile(array $times, float $share): ?float
{
    return $times === [] ? null : $times[(int) ((count($times) - 1) * $share)] / 1000;
}

/** @return array<string, int|float|null> */
function readFor(Closure $read, float $seconds): array
{
    [$times, $missing, $torn, $changes, $last] = [[], 0, 0, 0, null];
    $end = hrtime(true) + $seconds * 1e9;
    do {
        $start = hrtime(true);
        $result = $read();
        $now = hrtime(true);
        if ($result === null) {
            $missing++;
        } elseif (!isWhole(...$result)) {
            $torn++;
        } else {
            $times[] = $now - $start;
            $changes += (int) ($result[1]['counter'] !== $last);
            $last = $result[1]['counter'];
        }
    } while ($now < $end);
    sort($times);
    return [
        'reads' => count($times) + $missing + $torn,
        'missing' => $missing,
        'torn' => $torn,
        'changes' => $changes,
        'p50' => percentile($times, 0.5),
        'p99' => percentile($times, 0.99),
    ];
}

$read = require __DIR__ . "/documents/$argv[1].php";
while (($seconds = fgets(STDIN)) !== false) {
    echo json_encode(readFor($read, (float) $seconds)), "\n";
}
