<?php

// Loads the package's classes where there is no Composer, and has its function.

declare(strict_types=1);

namespace Pegel;

use function function_exists;
use function spl_autoload_register;
use function str_starts_with;
use function substr;

spl_autoload_register(static function (string $class): void {
    if ($class === 'Pegel\Reader') {
        // Each page that reads needs these. To load one by its name takes longer than all of them.
        require_once __DIR__ . '/src/Library.php';
        require_once __DIR__ . '/src/Loader.php';
        require_once __DIR__ . '/src/Snapshot.php';
        require_once __DIR__ . '/src/Reader.php';
    } elseif ($class === 'Pegel\Files') {
        require_once __DIR__ . '/src/Backend.php';
        require_once __DIR__ . '/src/BoardFile.php';
        require_once __DIR__ . '/src/BoardPath.php';
        require_once __DIR__ . '/src/Decoder.php';
        require_once __DIR__ . '/src/FieldTable.php';
        require_once __DIR__ . '/src/Trust.php';
        require_once __DIR__ . '/src/Word.php';
        require_once __DIR__ . '/src/Files.php';
    } elseif (str_starts_with($class, 'Pegel\\')) {
        // Whether it exists, opcache knows without asking the disk.
        @include __DIR__ . '/src/' . substr($class, 6) . '.php';
    }
});

// The extension has it, too.
if (!function_exists('Pegel\read')) {
    /** The newest values of a board by the names of its fields; or its document. */
    function read(string $board): mixed
    {
        return Reader::open($board)->read()->document;
    }
}
