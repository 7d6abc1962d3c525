--TEST--
A signal's handler may close, throw and end while a reader waits
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{Reader, Schema, Timeout, Writer};

Writer::create("$directory/b", Schema::json(1000))->publish(1);
pcntl_async_signals(true);
$during = function (Closure $handle) use ($directory): void {
    $reader = Reader::open("$directory/b");
    pcntl_signal(SIGALRM, fn () => $handle($reader));
    pcntl_alarm(1);
    try {
        $reader->wait(1, 1.5);
        echo "nothing\n";
    } catch (Throwable $thrown) {
        echo get_class($thrown), "\n";
    }
};
$during(fn (Reader $reader) => $reader->close());
$during(fn () => throw new DomainException());
$during(fn () => Writer::open("$directory/b")->publish(2));
?>
--EXPECT--
Pegel\Timeout
DomainException
nothing
