<?php

/** Stores the record in APCu: of this process, or of the php-fpm that serves this page. */

declare(strict_types=1);

$record = json_decode(file_get_contents(getenv('BENCH_PLACE') . '/record.json'), true);
apcu_store('record', $record) ?: exit(1);
