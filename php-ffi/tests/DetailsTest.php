<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, InvalidFields, Reader, Schema, Snapshot, Unpublished, Writer};

/** Details of fields, and values that are unknown. */
final class DetailsTest extends BoardTestCase
{
    private function config(): Schema
    {
        return Schema::of(
            interval: Field::f64(
                's',
                default: 5,
                min: 1,
                max: 3600,
                label: 'Abstand',
                description: 'von "Abfragen"'
            ),
            rated: Field::u16('W', count: 2, default: [405, 405], min: 10),
            share: Field::f32(default: 0.1, max: 0.1),
            counter: Field::u64(default: '18446744073709551615', min: '9223372036854775808'),
            note: Field::text(8, optional: true),
            on: Field::bool(default: false),
        )->describe('Was die Seite will');
    }

    public function testReadsAllDetailsOfFields(): void
    {
        Writer::create($this->board('config'), $this->config());
        $schema = Reader::open($this->board('config'))->schema();
        $this->assertSame('Was die Seite will', $schema->description);
        $interval = $schema->fields['interval'];
        $this->assertSame(
            ['Abstand', 'von "Abfragen"'],
            [$interval->label, $interval->description]
        );
        $this->assertSame([5.0, 1.0, 3600.0], [$interval->default, $interval->min, $interval->max]);
        $this->assertSame([405, 405], $schema->fields['rated']->default);
        $this->assertSame(0.1, $schema->fields['share']->default);
        $this->assertSame('18446744073709551615', $schema->fields['counter']->default);
        $this->assertSame('9223372036854775808', $schema->fields['counter']->min);
        $this->assertFalse($schema->fields['on']->default);
        $this->assertTrue($schema->fields['note']->optional);
        $this->assertEquals($this->config(), $schema);
    }

    public function testLimitsOfIntegersBeyondInt(): void
    {
        [$greatest, $least] = PHP_INT_SIZE === 8
            ? [4294967295, PHP_INT_MIN]
            : ['4294967295', '-9223372036854775808'];
        $schema = Schema::of(
            a: Field::u32(default: $greatest, max: $greatest),
            b: Field::i64(default: $least, min: $least, max: -3),
        );
        $writer = Writer::create($this->board('config'), $schema);
        $reader = Reader::open($this->board('config'));
        $this->assertEquals($schema, $reader->schema());
        $this->assertSame(['a' => $greatest, 'b' => $least], $reader->read()->toArray());
        $writer->publish(a: 7, b: -4);
        $this->assertThrows(InvalidFields::class, 'must be', fn () => $writer->publish(b: -2));
    }

    public function testABoardWithDefaultsIsNeverEmpty(): void
    {
        $writer = Writer::create($this->board('config'), $this->config());
        $now = Reader::open($this->board('config'))->read();
        $this->assertTrue($now->isDefault);
        $this->assertSame([1, 0], [$now->sequence, $now->generation]);
        $expected = [
            'interval' => 5.0, 'rated' => [405, 405], 'share' => unpack('f', pack('f', 0.1))[1],
            'counter' => '18446744073709551615', 'note' => null, 'on' => false,
        ];
        $this->assertSame($expected, $now->toArray());
        $this->assertSame(2, $writer->publish(interval: 7.5, note: 'x'));
        $saved = $writer->read();
        $this->assertFalse($saved->isDefault);
        $this->assertSame(
            ['interval' => 7.5, 'note' => 'x'] + $expected,
            $this->sorted($saved, $expected)
        );

        $readings = Writer::create($this->board('readings'), Schema::of(
            level: Field::f64(),
            limit: Field::u8(default: 1),
        ));
        $this->assertThrows(Unpublished::class, 'readings', fn () => $readings->read());
        $this->assertThrows(
            InvalidFields::class,
            'level (f64) is missing',
            fn () => $readings->publish(limit: 2)
        );
    }

    /**
     * @param array<string, mixed> $like
     * @return array<string, mixed>
     */
    private function sorted(Snapshot $now, array $like): array
    {
        return array_replace(['interval' => null, 'note' => null] + $like, $now->toArray());
    }

    public function testLimitsNameFieldValueAndLimit(): void
    {
        $writer = Writer::create($this->board('config'), $this->config());
        $cases = [
            ['field interval must be between 1 and 3600 s (got 0.5)', ['interval' => 0.5]],
            ['field interval must be between 1 and 3600 s (got 3601)', ['interval' => 3601]],
            ['field interval must be between 1 and 3600 s (got NAN)', ['interval' => NAN]],
            ['field rated must be at least 10 W (got 9)', ['rated' => [10, 9]]],
            ['field share must be at most 0.1 (got 0.2)', ['share' => 0.2]],
            ['field counter must be at least 9223372036854775808 (got 7)', ['counter' => 7]],
            [
                'at least 9223372036854775808 (got 9223372036854775807)',
                ['counter' => '9223372036854775807'],
            ],
        ];
        foreach ($cases as [$message, $values]) {
            $this->assertThrows(
                InvalidFields::class,
                $message,
                fn () => $writer->publish(...$values)
            );
            $update = fn () => $writer->update(fn (array $now): array => $values + $now);
            $this->assertThrows(InvalidFields::class, $message, $update);
        }
        $this->assertSame(1, $writer->sequence());
        $writer->publish(
            interval: 1,
            share: 0.1,
            rated: [10, 65535],
            counter: '9223372036854775808'
        );
        $this->assertSame(2, $writer->sequence());
    }

    public function testAnUnknownFieldIsNotZero(): void
    {
        $writer = Writer::create($this->board('weather'), Schema::of(
            level: Field::f64('m'),
            wind: Field::f32('m/s', optional: true),
            phases: Field::f32('V', count: 3, optional: true),
            names: Field::text(4, count: 2, optional: true),
            big: Field::u64(optional: true),
        ));
        $whole = [
            'level' => 1.5, 'wind' => 0.0, 'phases' => [1.0, 2.0, 3.0], 'names' => ['a', ''],
            'big' => '18446744073709551615',
        ];
        $nothing = [
            'level' => 2.5,
            'wind' => null,
            'phases' => null,
            'names' => null,
            'big' => null,
        ];
        $unknown = ['wind' => null] + $whole;
        foreach ([$whole, ['level' => 2.5], $nothing, $unknown, $whole] as $record) {
            $writer->publish($record);
            $this->assertSame(
                $record + $nothing,
                array_replace($record, $writer->read()->toArray())
            );
        }
        $writer->publish(level: 3.0, wind: 4.0);
        $writer->update(fn (array $now): array => ['level' => 5.0] + $now);
        $now = Reader::open($this->board('weather'))->read();
        $this->assertSame([5.0, 4.0, null], [$now['level'], $now['wind'], $now['phases']]);
        $this->assertSame(null, json_decode(json_encode($now), true)['big']);
        $this->assertThrows(
            InvalidFields::class,
            'level must be f64 (got null)',
            fn () => $writer->publish(level: null)
        );
    }

    public function testRejectsInvalidDetails(): void
    {
        $create = fn (Field $field) => Writer::create($this->board('bad'), Schema::of(a: $field));
        $cases = [
            ['minimum', Field::u8(min: -1)],
            ['default', Field::u8(default: 9, max: 8)],
            ['the default must be a list', Field::i32(count: 2, default: ['a' => 1, 'b' => 2])],
            ['default: field a must be u64 (got a text)', Field::u64(default: '007')],
            ['between 2 and 1', Field::f64(min: 2, max: 1)],
            ['default', Field::text(3, default: 'long')],
            ['default', Field::f64(count: 2, default: [1.0])],
            ['cannot be JSON', Field::f64(default: NAN)],
            ['label', Field::f64(label: "\xff")],
        ];
        foreach ($cases as [$message, $field]) {
            $this->assertThrows(InvalidFields::class, $message, fn () => $create($field));
        }
    }

    public function testDocumentsHaveDefaults(): void
    {
        $writer = Writer::create(
            $this->board('ahoy'),
            Schema::json(99, default: ['inverters' => []])
        );
        $this->assertSame(['inverters' => []], $writer->read()->document);
        $this->assertTrue($writer->read()->isDefault);
        $bytes = Writer::create($this->board('raw'), Schema::bytes(9, default: 'ab'));
        $this->assertSame('ab', $bytes->read()->document);
    }

    public function testFloatsAreExactWhateverPhpIniSays(): void
    {
        $writer = Writer::create($this->board('ahoy'), Schema::json(99));
        $precision = ini_set('serialize_precision', '5');
        try {
            $writer->publish([0.1 + 0.2, 5e-324, 1.0]);
            $this->assertSame('5', ini_get('serialize_precision'));
        } finally {
            ini_set('serialize_precision', $precision);
        }
        $this->assertSame([0.1 + 0.2, 5e-324, 1.0], $writer->read()->document);
    }
}
