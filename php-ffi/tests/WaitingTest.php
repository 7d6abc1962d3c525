<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, InvalidArgument, Reader, Schema, Snapshot, Timeout, Writer};

/** Waiting for a writer that is another process. */
final class WaitingTest extends BoardTestCase
{
    /** A process that publishes 1, 2, ... at each line that it gets, and says each by a line. */
    private const PUBLISHER = <<<'PHP'
        require $argv[1];
        $writer = Pegel\Writer::open($argv[2]);
        echo "ready\n";
        while (($line = fgets(STDIN)) !== false) {
            usleep((int) $line);
            echo $writer->publish($writer->sequence() + 1), "\n";
        }
        PHP;

    /** @var resource|null */
    private $process = null;

    /** @var list<resource> */
    private array $pipes = [];

    protected function tearDown(): void
    {
        if ($this->process !== null) {
            fclose($this->pipes[0]);
            proc_close($this->process);
        }
        parent::tearDown();
    }

    private function startPublisher(): void
    {
        $command = [
            PHP_BINARY,
            '-r',
            self::PUBLISHER,
            '--',
            __DIR__ . '/../autoload.php',
            $this->board('clock'),
        ];
        $this->process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $this->pipes);
        $this->assertSame("ready\n", fgets($this->pipes[1]));
    }

    /** Asks for a publication after some microseconds. */
    private function publish(int $pause = 0): void
    {
        fwrite($this->pipes[0], "$pause\n");
    }

    public function testWaitsForAnotherProcess(): void
    {
        Writer::create($this->board('clock'), Schema::json(64));
        $reader = Reader::open($this->board('clock'));
        $this->startPublisher();
        $this->assertTrue($reader->writerAlive());
        // Longer than a slice of the wait.
        $this->publish(300_000);
        $this->assertSame(1, $reader->wait(0, 60));
        $this->assertSame(1, $reader->wait(0));
        $this->assertThrows(
            Timeout::class,
            'nothing after sequence 1',
            fn () => $reader->wait(1, 0.25)
        );
        $this->publish(10_000);
        $this->assertSame(2, $reader->wait(1));
    }

    public function testFollows(): void
    {
        Writer::create($this->board('clock'), Schema::json(64));
        $this->startPublisher();
        $this->publish();
        $seen = [];
        foreach (Reader::open($this->board('clock'))->follow(timeout: 60) as $now) {
            $seen[] = $now->document;
            if ($now->sequence === 5) {
                break;
            }
            $this->publish(1000);
        }
        $this->assertSame([1, 2, 3, 4, 5], $seen);
    }

    public function testFollowingEndsAfterTheTimeout(): void
    {
        $writer = Writer::create($this->board('clock'), Schema::json(64));
        $reader = Reader::open($this->board('clock'));
        $this->assertSame([], iterator_to_array($reader->follow(timeout: 0.01)));
        $writer->publish('a');
        $writer->publish('b');
        $documents = fn (iterable $seen): array => array_map(
            fn (Snapshot $now): string => $now->document,
            iterator_to_array($seen)
        );
        $this->assertSame(['b'], $documents($reader->follow(timeout: 0.01)));
        $this->assertSame([], $documents($reader->follow(timeout: 0, after: 2)));
    }

    public function testFollowsTheBoardThatReplacesThisOne(): void
    {
        $writer = Writer::create($this->board('clock'), Schema::json(64));
        $writer->publish('old');
        $seen = [];
        foreach (Reader::open($this->board('clock'))->follow(timeout: 60) as $now) {
            $seen[] = $now['year'] ?? $now->document;
            if (count($seen) === 2) {
                break;
            }
            $writer->close();
            $writer = Writer::create(
                $this->board('clock'),
                Schema::of(year: Field::u16()),
                replace: true
            );
            $writer->publish(year: 2026);
        }
        $this->assertSame(['old', 2026], $seen);
    }

    public function testRejectsInvalidTimeouts(): void
    {
        $writer = Writer::create($this->board('clock'), Schema::json(64));
        $reader = Reader::open($this->board('clock'));
        foreach ([-0.1, NAN] as $timeout) {
            $this->assertThrows(
                InvalidArgument::class,
                'a timeout must be',
                fn () => $reader->wait(0, $timeout)
            );
            $this->assertThrows(
                InvalidArgument::class,
                'a timeout',
                fn () => Writer::open($writer->board, $timeout)
            );
        }
        $this->assertThrows(
            InvalidArgument::class,
            'at least 0 (got -1)',
            fn () => $reader->wait(-1)
        );
        $writer->publish(1);
        $this->assertSame(1, $reader->wait(0, INF));
    }

    public function testRunsSignalHandlersWhileWaiting(): void
    {
        if (!function_exists('pcntl_alarm')) {
            $this->fail('PHP has no pcntl, which this test needs');
        }
        Writer::create($this->board('clock'), Schema::json(64));
        pcntl_async_signals(true);
        pcntl_signal(SIGALRM, fn () => throw new \DomainException('alarm'));
        pcntl_alarm(1);
        try {
            $this->expectExceptionMessage('alarm');
            Reader::open($this->board('clock'))->wait(0);
        } finally {
            pcntl_signal(SIGALRM, SIG_DFL);
            pcntl_async_signals(false);
        }
    }

    public function testSignalHandlersCanTakeBacktraces(): void
    {
        $writer = Writer::create($this->board('clock'), Schema::json(64));
        $reader = Reader::open($this->board('clock'));
        $traces = [];
        pcntl_async_signals(true);
        pcntl_signal(SIGUSR1, function () use (&$traces): void {
            $traces[] = (new \DomainException())->getTrace();
        });
        $sender = proc_open(
            ['sh', '-c', 'while kill -USR1 $0; do sleep 0.01; done', (string) getmypid()],
            [],
            $pipes
        );
        try {
            while (count($traces) < 50) {
                $writer->publish(count($traces));
                $reader->read();
            }
            $this->assertSame($writer->sequence(), $reader->read()->sequence);
        } finally {
            proc_terminate($sender);
            proc_close($sender);
            pcntl_signal(SIGUSR1, SIG_DFL);
            pcntl_async_signals(false);
        }
    }
}
