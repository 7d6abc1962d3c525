<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, InvalidArgument, InvalidFields, Reader, Schema, Type, Writer};
use PHPUnit\Framework\Attributes\DataProvider;

/** Records as objects of classes with attributes. */
final class MappingTest extends BoardTestCase
{
    public function testMakesASchemaOfAClass(): void
    {
        $fields = Schema::ofClass(Tank::class)->fields;
        // Those of the class before those of its constructor, as PHP has them.
        $this->assertSame(
            ['share', 'level', 'is_raining', 'rated', 'total', 'note', 'wind'],
            array_keys($fields)
        );
        $types = array_map(fn (Field $field): Type => $field->type, array_values($fields));
        $this->assertSame(
            [Type::I64, Type::F64, Type::Bool, Type::U16, Type::U64, Type::Text, Type::F32],
            $types
        );
        $this->assertSame(['m', 'Water level'], [$fields['level']->unit, $fields['level']->label]);
        $this->assertSame(
            [50, 0, 100],
            [$fields['share']->default, $fields['share']->min, $fields['share']->max]
        );
        $this->assertSame([2, 8], [$fields['rated']->count, $fields['note']->size]);
        $this->assertSame([null, 0, 'none'], [
            $fields['level']->default, $fields['total']->default, $fields['note']->default,
        ]);
        $this->assertSame([false, true], [$fields['level']->optional, $fields['wind']->optional]);
    }

    public function testPublishesAndReadsObjects(): void
    {
        $writer = Writer::create($this->board('tank'), Schema::ofClass(Tank::class));
        $tank = new Tank(3.5, true, [1, 65535], '18446744073709551615', 'rising');
        $this->assertSame(1, $writer->publish($tank));
        $now = $writer->read();
        $this->assertSame(3.5, $now['level']);
        $this->assertTrue($now['is_raining']);
        $this->assertEquals($tank, $now->to(Tank::class));
        $this->assertSame('18446744073709551615', $now->to(Tank::class)->total);
        $tank->share = 7;
        $writer->publishIf(1, $tank);
        $read = $writer->read()->to(Tank::class);
        $this->assertSame([7, true], [$read->share, $read->isFull]);
        $writer->update(fn (array $now): Tank => new Tank(1.0, false, $now['rated'], wind: 2.5));
        $this->assertSame([2.5, 50], [$writer->read()['wind'], $writer->read()['share']]);
        $this->assertThrows(InvalidFields::class, 'share', function () use ($writer, $tank): void {
            $tank->share = 101;
            $writer->publish($tank);
        });
    }

    public function testAClassCanHaveSomeOfTheFields(): void
    {
        $schema = Schema::of(rain: Field::bool(), level: Field::f64('m'));
        $writer = Writer::create($this->board('tank'), $schema);
        $writer->publish(rain: true, level: 2.5);
        $this->assertSame(2.5, $writer->read()->to(Plain::class)->level);
    }

    public function testAnEarlierBoardHasTheDefaultsOfTheClass(): void
    {
        $writer = Writer::create($this->board('tank'), Schema::of(
            share: Field::i64(),
            level: Field::f64('m'),
            is_raining: Field::bool(),
            rated: Field::u16('W', count: 2),
        ));
        $writer->publish(share: 1, level: 2.5, is_raining: true, rated: [1, 2]);
        $reader = Reader::open($this->board('tank'), Schema::ofClass(Tank::class));
        $tank = $reader->read()->to(Tank::class);
        $this->assertSame(['none', null, [1, 2]], [$tank->note, $tank->wind, $tank->rated]);
    }

    /** @return iterable<string, array{Schema, array<string, mixed>, string}> */
    public static function misfits(): iterable
    {
        yield 'no such field' => [
            Schema::of(depth: Field::f64('m')),
            ['depth' => 1.0],
            'no field level for',
        ];
        yield 'another unit' => [
            Schema::of(level: Field::f64('cm')), ['level' => 1.0], 'field level in "cm", and ',
        ];
        yield 'another type' => [
            Schema::of(level: Field::text(8, 'm')), ['level' => 'high'], 'Cannot assign string to',
        ];
        yield 'unknown' => [
            Schema::of(level: Field::f64('m', optional: true)),
            ['level' => null],
            'Cannot assign null to',
        ];
        yield 'a document' => [Schema::json(100), [['level' => 1]], 'no field level'];
    }

    /** @dataProvider misfits */
    #[DataProvider('misfits')]
    public function testRejectsABoardThatDoesNotFitTheClass(
        Schema $schema,
        array $record,
        string $message,
    ): void {
        $writer = Writer::create($this->board('tank'), $schema);
        $writer->publish(...$record);
        foreach ([$message, Plain::class, 'tank'] as $part) {
            $this->assertThrows(
                InvalidFields::class,
                $part,
                fn () => $writer->read()->to(Plain::class)
            );
        }
    }

    public function testRejectsClassesThatAreNotRecords(): void
    {
        $untyped = new class {
            #[Field(unit: 'm')]
            public $level;
        };
        $texts = new class {
            #[Field]
            public string $note = '';
        };
        $this->assertThrows(
            InvalidArgument::class,
            'class Nowhere does not exist',
            fn () => Schema::ofClass('Nowhere')
        );
        $this->assertThrows(
            InvalidFields::class,
            'no public property',
            fn () => Schema::ofClass(self::class)
        );
        $this->assertThrows(
            InvalidFields::class,
            '$level: its attribute must name',
            fn () => Schema::ofClass($untyped::class)
        );
        $this->assertThrows(
            InvalidFields::class,
            'a text must have a size',
            fn () => Schema::ofClass($texts::class)
        );
        $dated = new class {
            #[Field(Type::U64)]
            public \DateTimeImmutable $at;
        };
        $mistyped = new class {
            #[Field(units: 'm')]
            public float $level = 0;
        };
        $this->assertThrows(
            InvalidFields::class,
            '(got DateTimeImmutable)',
            fn () => Schema::ofClass($dated::class)
        );
        $this->assertThrows(
            InvalidFields::class,
            'parameter $units',
            fn () => Schema::ofClass($mistyped::class)
        );
        $writer = Writer::create($this->board('tank'), Schema::of(level: Field::f64('m')));
        $this->assertThrows(
            InvalidFields::class,
            'no public property',
            fn () => $writer->publish(new \stdClass())
        );
        $this->assertThrows(
            InvalidFields::class,
            'before initialization',
            fn () => $writer->publish(new Plain())
        );
        $writer->publish(level: 1.0);
        $this->assertSame(1.0, $writer->read()->to(Plain::class)->level);
        $this->assertThrows(
            InvalidFields::class,
            'abstract class',
            fn () => $writer->read()->to(PlainParent::class)
        );
    }
}
