<?php

/** Stores the record where only PHP writes: System V memory, its variables and code, and Redis. */

declare(strict_types=1);

$place = getenv('BENCH_PLACE');
$key = (int) getenv('BENCH_KEY');
// The pages run as another user.
sem_get($key, 1, 0666) ?: exit(1);

$packed = file_get_contents("$place/record.packed");
$memory = shmop_open($key, 'n', 0666, strlen($packed)) ?: exit(1);
shmop_write($memory, $packed, 0);

$json = file_get_contents("$place/record.json");
$variables = shm_attach($key + 1, 4096, 0666) ?: exit(1);
shm_put_var($variables, 1, json_decode($json, true)) ?: exit(1);

$redis = new Redis();
$redis->connect("$place/redis.sock");
$redis->set('record', $json) ?: exit(1);

$variable = var_export(json_decode($json, true), true);
file_put_contents("$place/record.php", "<?php return $variable;\n") ?: exit(1);
