<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Conflict, Corrupt, Field, Gone, InvalidArgument, InvalidFields, Loader, Locked};
use Pegel\{NotFound, Overwritten};
use Pegel\{Reader, Schema, Snapshot, Timeout, Unpublished, Untrusted, Writer};

/** Opening, the writer lock, and every state that has a name. */
final class BoardsTest extends BoardTestCase
{
    private function create(string $name = 'roof', int $slots = 0): Writer
    {
        return Writer::create(
            $this->board($name),
            Schema::of(level: Field::f64('m'), rain: Field::bool()),
            $slots
        );
    }

    public function testAnAbsentBoardIsNotFound(): void
    {
        $this->assertThrows(
            NotFound::class,
            'no board roof',
            fn () => Reader::open($this->board('roof'))
        );
        $this->assertThrows(
            NotFound::class,
            'no board roof',
            fn () => Writer::open($this->board('roof'))
        );
        $this->assertThrows(
            NotFound::class,
            'no board roof',
            fn () => Writer::unlink($this->board('roof'))
        );
    }

    public function testRejectsInvalidNames(): void
    {
        foreach (['', 'Roof', 'rö', 'a b', "a\0", "a\0/b", str_repeat('a', 65)] as $name) {
            $this->assertThrows(InvalidArgument::class, '', fn () => Reader::open($name));
            $this->assertThrows(
                InvalidArgument::class,
                '',
                fn () => Writer::create($name, Schema::json(64))
            );
        }
    }

    public function testTakesTheDirectoryFromTheEnvironment(): void
    {
        $before = getenv('PEGEL_DIR');
        putenv("PEGEL_DIR={$this->directory}");
        try {
            Writer::create('roof', Schema::json(64))->publish(1);
        } finally {
            putenv($before === false ? 'PEGEL_DIR' : "PEGEL_DIR=$before");
        }
        $this->assertSame(1, Reader::open($this->board('roof'))->read()->document);
    }

    public function testReportsABoardWithoutRecords(): void
    {
        $writer = $this->create();
        $reader = Reader::open($this->board('roof'));
        $this->assertSame(0, $reader->sequence());
        $this->assertThrows(
            Unpublished::class,
            'nothing has been published yet',
            fn () => $reader->read()
        );
        $this->assertThrows(
            Unpublished::class,
            'nothing',
            fn () => $writer->update(fn (array $now): array => $now)
        );
        $this->assertThrows(
            Timeout::class,
            'nothing after sequence 0',
            fn () => $reader->wait(0, 0)
        );
    }

    public function testReadsTheFieldsOfAnotherWriter(): void
    {
        $this->create();
        $reader = Reader::open($this->board('roof'));
        ['level' => $level, 'rain' => $rain] = $reader->schema()->fields;
        $this->assertSame(['level', 'm', 0], [$level->name, $level->unit, $level->offset]);
        $this->assertSame(['rain', '', 8], [$rain->name, $rain->unit, $rain->offset]);
        $info = $reader->info();
        $this->assertSame(
            [16, 16, 1, 0640],
            [$info->recordSize, $info->slots, $info->generation, $info->mode]
        );
        $this->assertMatchesRegularExpression('/^[0-9a-f]{16}$/', $info->schemaHash);
    }

    public function testCreatesWithModeAndSlots(): void
    {
        $schema = Schema::of(level: Field::f64());
        $writer = Writer::create($this->board('roof'), $schema, slots: 32, mode: 0660);
        $this->assertSame(0660, fileperms("{$this->directory}/pegel.roof") & 0777);
        $this->assertSame(32, Reader::open($this->board('roof'))->info()->slots);
        $slots = [['slots' => 5], ['slots' => -1], ['slots' => PHP_INT_MAX]];
        foreach ([...$slots, ['mode' => 0666], ['mode' => -1]] as $bad) {
            $create = fn () => Writer::create($this->board('other'), $schema, ...$bad);
            $this->assertThrows(InvalidArgument::class, '', $create);
        }
        $writer->close();
    }

    public function testAllowsOneWriterAtATime(): void
    {
        $writer = $this->create();
        $this->assertThrows(Locked::class, 'board roof has a writer', fn () => $this->create());
        $this->assertThrows(
            Locked::class,
            'board roof',
            fn () => Writer::open($this->board('roof'), timeout: 0.01)
        );
        $this->assertThrows(
            Locked::class,
            'board roof',
            fn () => Writer::unlink($this->board('roof'))
        );
        $writer->publish(level: 1.0, rain: false);
        unset($writer);
        $next = Writer::open($this->board('roof'), timeout: 0);
        $this->assertSame(2, $next->publish(level: 2.0, rain: true));
        $now = $next->read();
        $this->assertSame([2, 2, true], [$now->sequence, $now->generation, $now->writerAlive]);
    }

    public function testASnapshotDoesNotKeepItsWriterOpen(): void
    {
        $writer = $this->create();
        $writer->publish(level: 1.0, rain: false);
        $now = $writer->read();
        unset($writer);
        $this->assertSame(1.0, $now['level']);
        $this->create();
        $this->assertThrows(InvalidArgument::class, 'closed', fn () => $now->writerAlive);
    }

    public function testPublishesIfTheSequenceIsStillTheNewest(): void
    {
        $writer = $this->create();
        $this->assertSame(1, $writer->publishIf(0, level: 1.0, rain: false));
        $this->assertSame(2, $writer->publishIf(1, ['level' => 2.0, 'rain' => false]));
        $conflict = fn () => $writer->publishIf(1, level: 9.0, rain: true);
        $this->assertThrows(Conflict::class, 'the newest sequence is 2, not 1', $conflict);
        $this->assertSame(2.0, $writer->read()['level']);
    }

    public function testUpdatesARecord(): void
    {
        $writer = $this->create();
        $writer->publish(level: 1.0, rain: true);
        $this->assertSame(
            2,
            $writer->update(fn (array $now): array => [...$now, 'level' => $now['level'] + 1])
        );
        $this->assertSame(['level' => 2.0, 'rain' => true], $writer->read()->toArray());
        $forgetful = fn () => $writer->update(function (array $now): void {
        });
        $this->assertThrows(InvalidFields::class, 'an array of its fields (got null)', $forgetful);
        $this->assertSame(2, $writer->sequence());
    }

    public function testReadsOlderRecordsFromTheRing(): void
    {
        $writer = $this->create(slots: 4);
        $reader = Reader::open($this->board('roof'));
        foreach (range(1, 9) as $number) {
            $writer->publish(level: $number, rain: false);
        }
        $this->assertSame(8.0, $reader->readAt(8)['level']);
        foreach ([0, 1, 10] as $sequence) {
            $this->assertThrows(
                Overwritten::class,
                "sequence $sequence",
                fn () => $reader->readAt($sequence)
            );
        }
    }

    public function testReplacesAnotherSchemaOnlyOnRequest(): void
    {
        $old = $this->create();
        $old->publish(level: 1.0, rain: false);
        $old->close();
        $reader = Reader::open($this->board('roof'));
        $schema = Schema::of(level: Field::f32('m'));
        $refused = fn () => Writer::create($this->board('roof'), $schema);
        $this->assertThrows(InvalidFields::class, 'board roof', $refused);
        $this->assertSame(1.0, $reader->read()['level']);
        $new = Writer::create($this->board('roof'), $schema, replace: true);
        $this->assertThrows(Gone::class, 'Open it again', fn () => $reader->wait(1));
        $this->assertThrows(Gone::class, 'Open it again', fn () => $reader->sequence());
        $this->assertThrows(Gone::class, 'Open it again', fn () => $reader->last(1));
        $this->assertThrows(
            Unpublished::class,
            'nothing has been published',
            fn () => $reader->read()
        );
        $this->assertSame(2, $new->publish(level: 2.0));
        $this->assertSame(['level' => 2.0], $reader->read()->toArray());
        $this->assertSame(4, $reader->schema()->fields['level']->size);
        $this->assertSame(2, $reader->wait(1));
    }

    public function testARemovedBoardIsGone(): void
    {
        $this->create()->publish(level: 1.0, rain: false);
        $reader = Reader::open($this->board('roof'));
        $this->assertFalse($reader->writerAlive());
        Writer::unlink($this->board('roof'));
        $this->assertThrows(Gone::class, 'removed', fn () => $reader->wait(1));
        $this->assertThrows(NotFound::class, 'roof', fn () => iterator_to_array($reader->follow()));
    }

    /** @return array<string, array{callable(Reader): mixed}> */
    public static function asks(): array
    {
        return [
            'sequence' => [fn (Reader $reader): int => $reader->sequence()],
            'readAt' => [fn (Reader $reader): object => $reader->readAt(1)],
            'last' => [fn (Reader $reader): array => $reader->last(1)],
        ];
    }

    /**
     * @dataProvider asks
     * @param callable(Reader): mixed $ask
     */
    public function testABoardThatWasRemovedByHandIsGone(callable $ask): void
    {
        $this->create()->publish(level: 1.0, rain: false);
        $reader = Reader::open($this->board('roof'));
        $this->assertSame(1.0, $reader->read()['level']);
        array_map(
            'unlink',
            ["{$this->directory}/pegel.roof", "{$this->directory}/pegel.roof.lock"]
        );
        $this->create()->publish(level: 2.0, rain: false);
        // Files look once a second, the library at the 8192nd time at the latest.
        $end = hrtime(true) + 60_000_000_000;
        [$isFiles, $asked] = [Loader::describe()['tier'] === 'files', 0];
        $until = function () use ($ask, $reader, $end, $isFiles, &$asked): void {
            while (hrtime(true) < $end && ($isFiles || $asked++ <= 8192)) {
                $ask($reader);
            }
        };
        $this->assertThrows(Gone::class, 'Open it again', $until);
        $this->assertSame(2.0, $reader->read()['level']);
        $ask($reader);
    }

    public function testRejectsFilesThatAreNotBoards(): void
    {
        file_put_contents("{$this->directory}/pegel.short", 'x');
        file_put_contents("{$this->directory}/pegel.other", str_repeat('x', 8192));
        symlink("{$this->directory}/pegel.other", "{$this->directory}/pegel.link");
        mkdir("{$this->directory}/pegel.dir");
        try {
            $boards = ['short' => Corrupt::class, 'other' => Corrupt::class];
            $boards += ['link' => Untrusted::class, 'dir' => Untrusted::class];
            foreach ($boards as $name => $class) {
                $this->assertThrows(
                    $class,
                    "pegel.$name",
                    fn () => Reader::open($this->board($name))
                );
            }
        } finally {
            rmdir("{$this->directory}/pegel.dir");
        }
    }

    public function testClosedReadersAndWritersThrow(): void
    {
        $writer = $this->create();
        $reader = Reader::open($this->board('roof'));
        $writer->publish(level: 1.0, rain: false);
        $now = $reader->read();
        foreach ([$reader, $writer, $reader, $writer] as $handle) {
            $handle->close();
        }
        $this->assertSame(1.0, $now['level']);
        $uses = [
            fn () => $reader->read(), fn () => $reader->readAt(1), fn () => $reader->wait(0),
            fn () => $reader->info(), fn () => $reader->sequence(), fn () => $reader->writerAlive(),
            fn () => $now->writerAlive, fn () => $writer->publish(level: 1.0, rain: true),
            fn () => $writer->publishIf(1, level: 1.0, rain: true),
            fn () => $writer->publishBytes(str_repeat("\0", 16)), fn () => $writer->read(),
            fn () => $writer->sequence(),
        ];
        foreach ($uses as $use) {
            $this->assertThrows(InvalidArgument::class, "board {$this->board('roof')}", $use);
            $this->assertThrows(InvalidArgument::class, 'closed', $use);
        }
    }

    public function testPublishesOneRecordAtATime(): void
    {
        $writer = $this->create();
        foreach ([[], [[], []], [['level' => 1.0], 'rain' => true]] as $arguments) {
            $publish = fn () => $writer->publish(...$arguments);
            $this->assertThrows(InvalidArgument::class, 'publish one record', $publish);
        }
        $this->assertThrows(
            InvalidArgument::class,
            'a record must have 16 bytes',
            fn () => $writer->publishBytes('short')
        );
    }

    public function testASnapshotNeverChanges(): void
    {
        $writer = $this->create();
        $before = microtime(true);
        $writer->publish(level: 3.21, rain: true);
        $now = Reader::open($this->board('roof'))->read();
        $after = microtime(true);
        $writer->publish(level: 4.0, rain: false);
        $this->assertSame(['level' => 3.21, 'rain' => true], iterator_to_array($now));
        $this->assertSame('{"level":3.21,"rain":true}', json_encode($now));
        $this->assertCount(2, $now);
        $this->assertSame([1, 1, true], [$now->sequence, $now->generation, $now->writerAlive]);
        $this->assertGreaterThan(0, $now->age);
        // The writer's wall clock is a little older than its publication.
        $published = (float) $now->publishedAt->format('U.u');
        $this->assertEqualsWithDelta(($before + $after) / 2, $published, $after - $before + 0.01);
        $this->assertSame(date_default_timezone_get(), $now->publishedAt->getTimezone()->getName());
        $this->assertTrue(
            isset($now['rain'], $now->publishedAt, $now->writerAlive, $now->document, $now->age)
        );
        $this->assertFalse(isset($now['snow']) || isset($now->snow));
        $this->assertSame('none', $now['snow'] ?? 'none');
        $this->assertThrows(
            NotFound::class,
            'has no field snow; it has level, rain',
            fn () => $now['snow']
        );
        $this->assertThrows(InvalidArgument::class, 'no property snow', fn () => $now->snow);
        $changes = [
            function () use ($now): void {
                $now['level'] = 1.0;
            },
            function () use ($now): void {
                unset($now['level']);
            },
        ];
        foreach (['snow', 'document', 'publishedAt', 'sequence'] as $property) {
            $changes[] = function () use ($now, $property): void {
                $now->$property = 1;
            };
        }
        foreach ($changes as $change) {
            $this->assertThrows(InvalidArgument::class, 'cannot be changed', $change);
        }
    }

    public function testChecksumsDetectDamage(): void
    {
        $schema = Schema::of(level: Field::f64('m'));
        $writer = Writer::create($this->board('tank'), $schema, slots: 4, checksum: true);
        $writer->publish(level: 1.5);
        $reader = Reader::open($this->board('tank'));
        $this->assertTrue($reader->info()->checksums);
        $this->assertSame(1.5, $reader->read()['level']);
        $file = fopen("{$this->directory}/pegel.tank", 'r+b');
        fseek($file, -3 * 64, SEEK_END);
        fwrite($file, pack('d', 2.5));
        $this->assertThrows(
            Corrupt::class,
            'the checksum of sequence 1 is wrong',
            $reader->read(...)
        );
        $writer->publish(level: 3.5);
        $this->assertSame(3.5, $reader->read()['level']);

        $plain = Writer::create($this->board('plain'), $schema);
        $this->assertFalse(Reader::open($this->board('plain'))->info()->checksums);
        $plain->close();
        $create = fn (): Writer => Writer::create($this->board('plain'), $schema, checksum: true);
        $this->assertThrows(InvalidArgument::class, 'has no checksums', $create);
    }
}
