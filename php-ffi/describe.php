<?php

// Prints as JSON how PHP reaches boards here, and what it finds in their directory: for `pegel
// doctor`.

declare(strict_types=1);

require __DIR__ . '/autoload.php';

header('Content-Type: application/json');
$directory = getenv('PEGEL_DIR') ?: '/dev/shm';
echo json_encode([
    'php' => PHP_VERSION,
    'user' => @fileowner('/proc/self'),
    'directory' => $directory,
    'lists' => @scandir($directory) !== false,
    'creates' => @is_writable($directory),
] + Pegel\Loader::describe(), JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
