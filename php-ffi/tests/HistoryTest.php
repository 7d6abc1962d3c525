<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Conflict, Corrupt, Field, Full, Gone, InvalidArgument, InvalidFields, Loader, Reader};
use Pegel\{Schema, Snapshot, Timeout, Unpublished, Unsupported, Writer};

/** The newest records, every publication, and boards that grow meanwhile. */
final class HistoryTest extends BoardTestCase
{
    private function writer(Field ...$more): Writer
    {
        return Writer::create(
            $this->board('tank'),
            Schema::of(...['level' => Field::f64('m')] + $more),
            slots: 8
        );
    }

    /**
     * @param iterable<Snapshot> $snapshots
     * @return list<array{int, int}>
     */
    private function seen(iterable $snapshots): array
    {
        $seen = [];
        foreach ($snapshots as $now) {
            $seen[] = [$now->sequence, $now->missed];
        }
        return $seen;
    }

    public function testLastReturnsTheOldestFirst(): void
    {
        $writer = $this->writer();
        $reader = Reader::open($this->board('tank'));
        $this->assertSame([], $reader->last(3));
        $this->assertThrows(Unpublished::class, 'after 0', fn () => $reader->readAfter(0));
        foreach (range(1, 20) as $level) {
            $writer->publish(level: $level);
        }
        $levels = array_map(fn (Snapshot $then): float => $then['level'], $reader->last(3));
        $this->assertSame([18.0, 19.0, 20.0], $levels);
        $this->assertCount(7, $reader->last(100));
        $this->assertSame([], $reader->last(0));
        $this->assertSame(
            [14, 10],
            [$reader->readAfter(3)->sequence, $reader->readAfter(3)->missed]
        );
    }

    public function testFollowsEachRecordOnceAndInOrder(): void
    {
        $writer = $this->writer();
        foreach (range(1, 20) as $level) {
            $writer->publish(level: $level);
        }
        $reader = Reader::open($this->board('tank'));
        $expected = array_map(fn (int $sequence): array => [$sequence, 0], range(15, 20));
        $this->assertSame(
            [[14, 3], ...$expected],
            $this->seen($reader->follow(timeout: 0, after: 10, every: true))
        );
        $this->assertSame([[20, 0]], $this->seen($reader->follow(timeout: 0, after: 10)));
    }

    public function testKeepsRecordsThatAreNotAcknowledged(): void
    {
        $writer = $this->writer();
        foreach (range(1, 7) as $sequence) {
            $this->assertSame($sequence, $writer->publishUnlessFull(0, level: 1.0));
        }
        $refused = fn () => $writer->publishUnlessFull(0, level: 1.0);
        $this->assertThrows(Full::class, '7 publications wait to be acknowledged', $refused);
        $this->assertSame(8, $writer->publishUnlessFull(1, ['level' => 1.0]));
        $beyond = fn () => $writer->publishUnlessFull(9, level: 1.0);
        $this->assertThrows(InvalidArgument::class, 'the newest sequence is 8', $beyond);
    }

    public function testRejectsNegativeSequences(): void
    {
        $writer = $this->writer();
        $writer->publish(level: 1.0);
        $reader = Reader::open($this->board('tank'));
        $refused = [
            fn () => $writer->publishUnlessFull(-1, level: 2.0),
            fn () => $writer->publishIf(-1, level: 2.0),
            fn () => $reader->readAfter(-1),
            fn () => $reader->readAt(-1),
        ];
        foreach ($refused as $attempt) {
            $this->assertThrows(InvalidArgument::class, 'at least 0 (got -1)', $attempt);
        }
        $this->assertSame(1, $reader->sequence());
    }

    public function testReadsDocumentsOfALaterCapacity(): void
    {
        $board = $this->board('notes');
        $text = str_repeat('x', 5000);
        Writer::create($board, Schema::json(100_000))->publish($text);
        $this->assertSame($text, Reader::open($board, Schema::json(100))->read()->document);
    }

    public function testNewDefaultsReplaceUnchangedOnes(): void
    {
        $create = fn (Field ...$fields) => Writer::create(
            $this->board('set'),
            Schema::of(...$fields),
            replace: true
        );
        $create(limit: Field::u8(default: 5))->close();
        $writer = $create(limit: Field::u8(default: 7, min: 6), wind: Field::f32(optional: true));
        $now = $writer->read();
        $this->assertSame([true, 7, null], [$now->isDefault, $now['limit'], $now['wind']]);
        $writer->publish(limit: 8);
        $writer->close();
        $now = $create(limit: Field::u8(default: 9))->read();
        $this->assertSame([false, 8], [$now->isDefault, $now['limit']]);
    }

    public function testFollowsABoardThatGrowsWithoutRepeats(): void
    {
        $writer = $this->writer();
        $writer->publish(level: 1.0);
        $reader = Reader::open($this->board('tank'));
        foreach ([false, true] as $every) {
            $grown = $every ? [
                'wind' => Field::f32(optional: true),
                'rain' => Field::bool(default: true),
            ]
                : ['wind' => Field::f32(optional: true)];
            $follow = Reader::open($this->board('tank'))->follow(timeout: 0.05, every: $every);
            $follow->current();
            $writer->close();
            $writer = $this->writer(...$grown);
            $follow->next();
            $this->assertFalse($follow->valid(), 'the record that came along was seen before');
        }
        $this->assertThrows(Gone::class, 'tank', fn () => $reader->readAt(1));
        $this->assertSame(['level', 'wind', 'rain'], array_keys($reader->read()->toArray()));
        $this->assertSame(
            ['level' => 1.0, 'wind' => null, 'rain' => true],
            $writer->read()->toArray()
        );
        $this->assertSame(8, $writer->schema()->fields['level']->size);
    }

    public function testVersionsOfASchemaReadAndWriteEachOther(): void
    {
        $new = Schema::of(
            level: Field::f64('m'),
            wind: Field::f32(optional: true),
            limit: Field::u8(default: 9)
        );
        $old = Schema::of(level: Field::f64('m'));
        $this->writer()->publish(level: 1.0);
        $seen = Reader::open($this->board('tank'), $new)->read();
        $this->assertSame(['level' => 1.0, 'wind' => null, 'limit' => 9], $seen->toArray());
        Writer::create($this->board('tank'), $new)->publish(level: 2.0, wind: 3.0, limit: 4);
        $this->assertSame(
            ['level' => 2.0],
            Reader::open($this->board('tank'), $old)->read()->toArray()
        );
        $writer = Writer::create($this->board('tank'), $old);
        $writer->update(fn (array $now): array => ['level' => 5.0] + $now);
        $this->assertSame(
            ['level' => 5.0, 'wind' => 3.0, 'limit' => 4],
            $writer->read()->toArray()
        );
        $writer->publish(level: 6.0);
        $this->assertSame(
            ['level' => 6.0, 'wind' => null, 'limit' => 9],
            $writer->read()->toArray()
        );
        $other = Schema::of(level: Field::f64('ft'));
        $this->assertThrows(
            InvalidFields::class,
            'in ft',
            fn () => Reader::open($this->board('tank'), $other)
        );
        $writer->close();
        $this->assertThrows(
            InvalidFields::class,
            'in ft',
            fn () => Writer::create($this->board('tank'), $other)
        );
    }

    public function testSequencesCanNeedMoreThan32Bits(): void
    {
        $writer = $this->writer();
        array_map(fn (int $level): int => $writer->publish(level: $level), [1, 2, 3]);
        $writer->close();
        // As if 2^32 records had been published before (docs/format.md): the words at 56 and at the
        // offset that is at 24, whose lowest bit is not of the sequence.
        $file = fopen("{$this->directory}/pegel.tank", 'r+b');
        $control = unpack('L', stream_get_contents($file, 4, 24))[1];
        foreach ([56 => [0, 1], $control => [6, 2]] as $offset => $halves) {
            fseek($file, $offset);
            fwrite($file, pack('V2', ...$halves));
        }
        fclose($file);
        $digits = fn (string $number): int|string => PHP_INT_SIZE === 8 ? (int) $number : $number;
        $reader = Reader::open($this->board('tank'));
        $this->assertSame($digits('4294967299'), $reader->sequence());
        $now = $reader->read();
        $this->assertSame([$digits('4294967299'), 3.0], [$now->sequence, $now['level']]);
        $this->assertSame($now->sequence, $reader->wait($digits('4294967298'), 0));
        $this->assertThrows(Timeout::class, '', fn () => $reader->wait($now->sequence, 0.01));
        $this->assertSame([[$now->sequence, 0]], $this->seen($reader->follow(0.01)));
        $this->assertCanBeNumbered($reader, $digits);
        $writer = Writer::open($this->board('tank'));
        $this->assertSame($digits('4294967300'), $writer->publishIf($now->sequence, level: 4));
        $this->assertThrows(Conflict::class, '', fn () => $writer->publishIf(3, level: 5));
        $this->assertSame($digits('4294967300'), $writer->sequence());
        $this->assertSame($digits('4294967301'), $writer->publish(level: 5));
        $this->assertSame(5.0, $reader->read()['level']);
    }

    private function assertCanBeNumbered(Reader $reader, callable $digits): void
    {
        [$before, $last] = [$digits('4294967298'), $digits('4294967299')];
        if (PHP_INT_SIZE === 4 && Loader::describe()['tier'] !== 'files') {
            $refused = [fn () => $reader->readAt($last), fn () => $reader->last(2)];
            foreach ($refused as $read) {
                $this->assertThrows(Unsupported::class, 'Set PEGEL_TIER=files', $read);
            }
            return;
        }
        $this->assertSame(2.0, $reader->readAt($before)['level']);
        $this->assertSame($last, $reader->readAfter($before)->sequence);
        $this->assertSame([[$before, 0], [$last, 0]], $this->seen($reader->last(2)));
    }

    public function testATruncatedBoardThrowsWhenUntrusted(): void
    {
        $writer = $this->writer();
        $writer->publish(level: 1.0);
        $schema = Schema::of(level: Field::f64('m'), wind: Field::f32(optional: true));
        $readers = [
            Reader::open($this->board('tank'), untrusted: true),
            Reader::open($this->board('tank'), $schema, untrusted: true),
        ];
        foreach ($readers as $reader) {
            $this->assertSame(1.0, $reader->read()['level']);
        }
        $writer->close();
        ftruncate(fopen("{$this->directory}/pegel.tank", 'r+'), 100);
        foreach ($readers as $reader) {
            $this->assertThrows(Corrupt::class, 'truncated', fn () => $reader->read());
            $wait = fn () => $reader->wait(1, timeout: 1.0);
            $this->assertThrows(Corrupt::class, 'truncated', $wait);
        }
    }

    public function testCreateWaitsForTheWriterLock(): void
    {
        $writer = $this->writer();
        $create = fn () => Writer::create($this->board('tank'), $writer->schema(), timeout: 0.01);
        $this->assertThrows(\Pegel\Locked::class, 'has a writer', $create);
        $writer->close();
        $this->assertSame(0, $create()->sequence());
    }
}
