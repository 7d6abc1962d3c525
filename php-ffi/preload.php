<?php

// For opcache.preload: with PHP's default ffi.enable, only preloaded classes may use FFI.

declare(strict_types=1);

foreach (glob(__DIR__ . '/src/*.php') as $file) {
    // The extension has some of the classes.
    if (!class_exists('Pegel\\' . basename($file, '.php'), false)) {
        opcache_compile_file($file);
    }
}
