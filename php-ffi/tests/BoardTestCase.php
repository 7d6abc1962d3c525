<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\Exception;
use PHPUnit\Framework\TestCase;

/** Each test has a directory of its own for its boards. */
abstract class BoardTestCase extends TestCase
{
    protected string $directory;

    protected function setUp(): void
    {
        $this->directory = sys_get_temp_dir() . '/pegel-php-' . bin2hex(random_bytes(8));
        mkdir($this->directory, 0700);
    }

    protected function tearDown(): void
    {
        array_map('unlink', glob("{$this->directory}/{,.}*pegel*", GLOB_BRACE));
        rmdir($this->directory);
    }

    protected function board(string $name): string
    {
        return "{$this->directory}/$name";
    }

    /** @param class-string<Exception> $class */
    protected function assertThrows(string $class, string $message, callable $action): void
    {
        try {
            $action();
        } catch (Exception $thrown) {
            $this->assertInstanceOf($class, $thrown, $thrown->getMessage());
            $this->assertStringContainsString($message, $thrown->getMessage());
            $this->assertSame($class::CODE, $thrown->getCode());
            return;
        }
        $this->fail("$class was expected: $message");
    }
}
