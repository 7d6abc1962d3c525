<?php

/**
 * Reads board `inverter-114181807700` until its input ends, and counts what must never happen.
 */

declare(strict_types=1);

use Pegel\{Reader, Snapshot};

require __DIR__ . '/../../php-ffi/autoload.php';

/** Whether sums and quotients fit the numbers that they were made of. */
function isWhole(Snapshot $now): bool
{
    $power = array_sum($now['string_power']);
    return $now['serial'] === '114181807700'
        && $now['yield_total'] === (float) array_sum($now['string_energy_total'])
        && $now['yield_today'] === (float) array_sum($now['string_energy_daily'])
        && ($power == 0.0 || abs($now['efficiency'] - 100 * $now['ac_power'] / $power) < 0.006);
}

$counts = ['reads' => 0, 'torn' => 0, 'backwards' => 0, 'sequence' => 0, 'failed' => []];
$inverter = Reader::open('inverter-114181807700');
while (true) {
    [$read, $write, $except] = [[STDIN], null, null];
    // A thousandth of a second between two reads leaves the machine to the others.
    if (stream_select($read, $write, $except, 0, 1000) > 0) {
        break;
    }
    try {
        $now = $inverter->read();
    } catch (Pegel\Exception $error) {
        $counts['failed'][] = $error->getMessage();
        continue;
    }
    $counts['reads']++;
    $counts['torn'] += isWhole($now) ? 0 : 1;
    $counts['backwards'] += $now->sequence < $counts['sequence'] ? 1 : 0;
    $counts['sequence'] = $now->sequence;
}
echo json_encode($counts, JSON_THROW_ON_ERROR);
