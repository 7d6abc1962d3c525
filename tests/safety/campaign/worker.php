<?php

/** Writes and reads boards for workers.py, which describes its arguments and lines. */

declare(strict_types=1);

use Pegel\Conflict;
use Pegel\Field;
use Pegel\Reader;
use Pegel\Schema;
use Pegel\Timeout;
use Pegel\Writer;

require __DIR__ . '/../../../php-ffi/autoload.php';

const BURST = 300;
const REPORT_EVERY = 100;

function record(int $sequence, int $author, int $words): array
{
    $mark = (($sequence + $author * 65537) & 0xffffffff) * 0x5bd1e995 & 0xffffffff;
    $pattern = array_fill(0, $words, $mark);
    return ['sequence' => $sequence, 'author' => $author, 'pattern' => $pattern];
}

function publishUnlessFull(Writer $writer, int $sequence, int $author, int $words): int
{
    $published = $writer->publish(record($sequence + 1, $author, $words));
    if ($published !== $sequence + 1) {
        throw new \Exception("published $published after $sequence");
    }
    return $published;
}

function write(string $board, int $author, int $words): void
{
    $pattern = Field::u32(count: $words);
    $fields = Schema::of(sequence: Field::u64(), author: Field::u64(), pattern: $pattern);
    $writer = Writer::create($board, $fields);
    $sequence = $first = $writer->sequence();
    while (true) {
        $sequence = publishUnlessFull($writer, $sequence, $author, $words);
        if (($sequence - $first) % REPORT_EVERY === 1) {
            echo "$sequence\n";
        }
    }
}

function share(string $board, int $author, int $words): void
{
    while (true) {
        $writer = Writer::open($board, null);
        $sequence = publishUnlessFull($writer, $writer->sequence(), $author, $words);
        $writer->close();
        echo "$sequence\n";
    }
}

function read(string $board, int $after, int $words): void
{
    $reader = Reader::open($board);
    [$sequence, $author] = [$after, 0];
    while (true) {
        $torn = $repeated = 0;
        for ($i = 0; $i < BURST; $i++) {
            $now = $reader->read();
            $torn += (int) ($now->toArray() !== record($now->sequence, $now['author'], $words));
            $isOther = $now->sequence === $sequence && $author !== 0 && $now['author'] !== $author;
            $repeated += (int) ($now->sequence < $sequence || $isOther);
            [$sequence, $author] = [$now->sequence, $now['author']];
        }
        echo BURST . " $torn $repeated $sequence $author\n";
        try {
            $reader->wait($sequence, 0.001);
        } catch (Timeout) {
            // Nothing has been published yet: continue.
            continue;
        }
    }
}

function update(string $board, int $times): void
{
    for ($i = 0; $i < $times; $i++) {
        $writer = Writer::open($board, null);
        $sequence = $writer->update(fn (array $now): array => ['count' => $now['count'] + 1]);
        $writer->close();
        echo "$sequence\n";
    }
}

function publishIf(string $board, int $times): void
{
    $reader = Reader::open($board);
    for ($done = 0; $done < $times;) {
        $now = $reader->read();
        $writer = Writer::open($board, null);
        try {
            $sequence = $writer->publishIf($now->sequence, count: $now['count'] + 1);
        } catch (Conflict) {
            continue;
        } finally {
            $writer->close();
        }
        echo "$sequence\n";
        $done++;
    }
}

[, $role, $board, $number, $amount] = $argv;
echo "ready\n";
if (fgets(STDIN) !== false) {
    match ($role) {
        'write' => write($board, (int) $number, (int) $amount),
        'share' => share($board, (int) $number, (int) $amount),
        'read' => read($board, (int) $number, (int) $amount),
        'update' => update($board, (int) $amount),
        'publish_if' => publishIf($board, (int) $amount),
    };
}
