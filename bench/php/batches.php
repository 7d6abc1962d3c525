<?php

/** How long something takes, in batches, so that the clock takes none of it. */

declare(strict_types=1);

const BATCH = 100;

function medianOfBatches(Closure $do, float $seconds): float
{
    $batches = [];
    $end = hrtime(true) + $seconds * 1e9;
    do {
        $start = hrtime(true);
        for ($i = 0; $i < BATCH; $i++) {
            $do();
        }
        $now = hrtime(true);
        $batches[] = ($now - $start) / BATCH;
    } while ($now < $end);
    sort($batches);
    return $batches[intdiv(count($batches), 2)];
}
