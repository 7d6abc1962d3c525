<?php

/** A file of PHP that opcache keeps: written anew and renamed over the old one. */

declare(strict_types=1);

$file = getenv('BENCH_PLACE') . '/record.php';
return fn (): array => include $file;
