<?php

declare(strict_types=1);

// Each version of PHPUnit has other settings for this.
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
require __DIR__ . '/../autoload.php';
require __DIR__ . '/BoardTestCase.php';
require __DIR__ . '/PlainParent.php';
require __DIR__ . '/Plain.php';
require __DIR__ . '/Tank.php';
