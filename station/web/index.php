<?php

/** Answers every request of the station's pages. */

declare(strict_types=1);

require getenv('PEGEL_PACKAGE') . '/autoload.php';
spl_autoload_register(function (string $class): void {
    $file = __DIR__ . '/src/' . substr($class, strlen('Station\\')) . '.php';
    if (str_starts_with($class, 'Station\\') && is_file($file)) {
        require $file;
    }
});

(new Station\Site($_SERVER['REQUEST_METHOD'], $_SERVER['DOCUMENT_URI']))->answer();
