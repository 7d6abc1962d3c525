<?php

/** JSON in Redis over a Unix socket, by a persistent connection, as phpredis advises. */

declare(strict_types=1);

$redis = new Redis();
$redis->pconnect(getenv('BENCH_PLACE') . '/redis.sock');
return fn (): array => json_decode($redis->get('record'), true);
