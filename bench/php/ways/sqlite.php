<?php

/** The only row of a table, by a prepared statement; the database is in WAL mode. */

declare(strict_types=1);

$database = new SQLite3(getenv('BENCH_PLACE') . '/record.sqlite', SQLITE3_OPEN_READWRITE);
$database->busyTimeout(1000);
$query = $database->prepare('SELECT * FROM readings');
return function () use ($database, $query): array {
    $result = $query->execute();
    $values = $result->fetchArray(SQLITE3_ASSOC);
    $result->finalize();
    $values['on'] = (bool) $values['on'];
    return $values;
};
