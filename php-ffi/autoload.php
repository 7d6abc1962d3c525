<?php

// Loads the package's classes where there is no Composer.

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Pegel\\')) {
        // Whether it exists, opcache knows without asking the disk.
        @include __DIR__ . '/src/' . substr($class, 6) . '.php';
    }
});
