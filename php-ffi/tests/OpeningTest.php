<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, Gone, Locked, NotFound, Reader, Schema, Writer};
use PHPUnit\Framework\Attributes\DataProvider;
use ReflectionParameter;

/** What a page opens before its daemon has run, and what waits for another writer. */
final class OpeningTest extends BoardTestCase
{
    private function create(string $name, bool $durable = false): Writer
    {
        $schema = Schema::of(level: Field::f64('m'));
        return Writer::create($this->board($name), $schema, durable: $durable);
    }

    /** @param array<string, string> $variables while the action runs; '' removes one */
    private function with(array $variables, callable $action): void
    {
        $before = array_map(fn (string $name): string => (string) getenv($name), array_combine(
            array_keys($variables),
            array_keys($variables)
        ));
        $set = fn (string $value, string $name): bool => putenv(
            $value === '' ? $name : "$name=$value"
        );
        array_walk($variables, $set);
        try {
            $action();
        } finally {
            array_walk($before, $set);
        }
    }

    public function testAnAbsentBoardIsNull(): void
    {
        $this->assertNull(Reader::tryOpen($this->board('roof')));
        $this->assertNull(Reader::tryRead($this->board('roof')));
        $this->with(['PEGEL_DIR' => $this->directory], function (): void {
            $this->assertNull(Reader::tryOpen('roof'));
            $this->assertNull(Reader::tryRead('roof'));
        });
    }

    public function testTheNewestRecordOrNull(): void
    {
        $writer = $this->create('roof');
        $this->assertNull(Reader::tryRead($this->board('roof')));
        $writer->publish(level: 1.5);
        $this->assertSame(1.5, Reader::tryRead($this->board('roof'))['level']);
        $schema = Schema::of(level: Field::f64('m'), wind: Field::f64(optional: true));
        $now = Reader::tryRead($this->board('roof'), $schema);
        $this->assertSame(['level' => 1.5, 'wind' => null], $now->toArray());
        $this->assertSame(1, Reader::tryOpen($this->board('roof'))->sequence());
    }

    /** @return array<string, array{callable(string): mixed}> */
    public static function tries(): array
    {
        return ['tryOpen' => [Reader::tryOpen(...)], 'tryRead' => [Reader::tryRead(...)]];
    }

    /**
     * @dataProvider tries
     * @param callable(string): mixed $try
     */
    #[DataProvider('tries')]
    public function testAMissingDirectoryIsNotNull(callable $try): void
    {
        $missing = "{$this->directory}/nowhere";
        $absent = fn () => $try("$missing/roof");
        $this->assertThrows(NotFound::class, 'Create the directory', $absent);
        $this->with(['PEGEL_DIR' => $missing], function () use ($try): void {
            $this->assertThrows(NotFound::class, 'Create the directory', fn () => $try('roof'));
        });
    }

    /**
     * @dataProvider tries
     * @param callable(string): mixed $try
     */
    #[DataProvider('tries')]
    public function testAForgottenDirectoryIsNotNull(callable $try): void
    {
        $name = 'test-' . bin2hex(random_bytes(8));
        $this->with(['PEGEL_DIR' => ''], function () use ($try, $name): void {
            $this->assertThrows(NotFound::class, 'PEGEL_DIR is not set', fn () => $try($name));
        });
    }

    /**
     * @dataProvider tries
     * @param callable(string): mixed $try
     */
    #[DataProvider('tries')]
    public function testABoardThatCanBeRestoredIsNotNull(callable $try): void
    {
        $durable = "{$this->directory}/durable";
        mkdir($durable);
        $this->with(['PEGEL_DURABLE_DIR' => $durable], function () use ($try, $durable): void {
            $writer = $this->create('roof', durable: true);
            $writer->publish(level: 1.5);
            $writer->sync();
            $writer->close();
            // As a reboot does.
            unlink("{$this->directory}/pegel.roof");
            $file = "$durable/pegel.roof.durable";
            $this->assertThrows(NotFound::class, $file, fn () => $try($this->board('roof')));
            Writer::open($this->board('roof'))->close();
            $this->assertSame(1.5, Reader::tryRead($this->board('roof'))['level']);
        });
        array_map('unlink', glob("$durable/*"));
        rmdir($durable);
    }

    public function testARemovedBoardIsGoneWhateverNamesItsDirectory(): void
    {
        $this->create('roof')->publish(level: 1.0);
        $reader = Reader::open($this->board('roof'));
        Writer::unlink($this->board('roof'));
        $this->assertThrows(Gone::class, 'removed', fn () => $reader->read());
        $this->assertNull(Reader::tryRead($this->board('roof')));
    }

    public function testOpeningAndCreatingWaitEquallyLong(): void
    {
        foreach (['open', 'create'] as $method) {
            $timeout = new ReflectionParameter([Writer::class, $method], 'timeout');
            $this->assertSame(1.0, $timeout->getDefaultValue());
        }
    }

    public function testALockedBoardNamesTheProcessThatHoldsIt(): void
    {
        $writer = $this->create('roof');
        $process = 'process ' . getmypid();
        $board = $writer->board;
        $this->assertThrows(Locked::class, $process, fn () => Writer::open($board, timeout: 0));
        $create = fn () => Writer::create($board, $writer->schema(), timeout: 0);
        $this->assertThrows(Locked::class, $process, $create);
    }
}
