<?php

// Loads the package's classes where there is no Composer.

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Pegel\\')) {
        $file = __DIR__ . '/src/' . strtr(substr($class, strlen('Pegel\\')), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
