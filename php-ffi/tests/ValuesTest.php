<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Exception, Field, InvalidFields, Reader, Schema, TooLarge, Type, Writer};
use PHPUnit\Framework\Attributes\DataProvider;

/** Values of all types, and the messages for values that do not fit. */
final class ValuesTest extends BoardTestCase
{
    /** @return iterable<string, array{Field, mixed}> */
    public static function fitting(): iterable
    {
        yield 'true' => [Field::bool(), true];
        yield 'false' => [Field::bool(), false];
        yield 'i8 least' => [Field::i8(), -128];
        yield 'i8 greatest' => [Field::i8(), 127];
        yield 'u8 greatest' => [Field::u8(), 255];
        yield 'i16 least' => [Field::i16(), -32768];
        yield 'i16 greatest' => [Field::i16(), 32767];
        yield 'u16 greatest' => [Field::u16(), 65535];
        yield 'i32 least' => [Field::i32(), -2147483647 - 1];
        yield 'i32 greatest' => [Field::i32(), 2147483647];
        yield 'u32 greatest' => [Field::u32(), self::number('4294967295')];
        yield 'i64 least' => [Field::i64(), self::number('-9223372036854775808')];
        yield 'i64 below 32 bits' => [Field::i64(), self::number('-2147483649')];
        yield 'i64 beyond 32 bits' => [Field::i64(), self::number('2147483648')];
        yield 'i64 greatest' => [Field::i64(), self::number('9223372036854775807')];
        yield 'least int' => [Field::i64(), PHP_INT_MIN];
        yield 'u64 least' => [Field::u64(), 0];
        yield 'u64 as an int' => [Field::u64(), PHP_INT_MAX];
        yield 'u64 beyond ints' => [Field::u64(), '9223372036854775808'];
        yield 'u64 near its end' => [Field::u64(), '18446744073709551609'];
        yield 'u64 greatest' => [Field::u64(), '18446744073709551615'];
        yield 'f32' => [Field::f32(), -0.5];
        yield 'f64' => [Field::f64(), 0.1];
        yield 'f64 least' => [Field::f64(), PHP_FLOAT_MIN];
        yield 'f64 greatest' => [Field::f64(), -PHP_FLOAT_MAX];
        yield 'infinite f32' => [Field::f32(), INF];
        yield 'infinite f64' => [Field::f64(), -INF];
        yield 'no text' => [Field::text(1), ''];
        yield 'full text' => [Field::text(7), 'Straße'];
        yield 'array' => [Field::f64('V', 2), [230.1, -1.5]];
        yield 'array of bools' => [Field::bool(count: 3), [true, false, true]];
        yield 'array of u64' => [Field::u64(count: 2), ['18446744073709551615', 1]];
        $ints = ['-9223372036854775808', '-1', '0', '9223372036854775807'];
        yield 'array of i64' => [Field::i64(count: 4), array_map(self::number(...), $ints)];
        yield 'array of u32' => [Field::u32(count: 2), [1, self::number('4294967295')]];
        yield 'optional i64' => [Field::i64(optional: true), self::number('-4294967297')];
        yield 'unknown u64' => [Field::u64(optional: true), null];
        yield 'array of texts' => [Field::text(4, count: 3), ['Öl', '', 'voll']];
        yield 'array of bytes' => [Field::u8(count: 5), [1, 2, 3, 4, 255]];
    }

    /** As boards' integers appear in PHP: an int, or its digits where int has no room for it. */
    private static function number(string $digits): int|string
    {
        return (string) (int) $digits === $digits ? (int) $digits : $digits;
    }

    /** @dataProvider fitting */
    #[DataProvider('fitting')]
    public function testReadsTheValueThatWasPublished(Field $field, mixed $value): void
    {
        $writer = Writer::create(
            $this->board('b'),
            Schema::of(before: Field::u8(), it: $field, after: Field::i16())
        );
        $record = ['before' => 255, 'it' => $value, 'after' => -1];
        $writer->publish($record);
        $this->assertSame($record, Reader::open($this->board('b'))->read()->toArray());
    }

    public function testReadsNan(): void
    {
        $writer = Writer::create(
            $this->board('b'),
            Schema::of(a: Field::f64(), b: Field::f32(count: 2))
        );
        $writer->publish(a: NAN, b: [NAN, 1.0]);
        $now = $writer->read();
        $this->assertNan($now['a']);
        $this->assertNan($now['b'][0]);
        $this->assertSame('{"a":null,"b":[null,1]}', json_encode($now));
    }

    public function testSmallU64CanBeStrings(): void
    {
        $writer = Writer::create($this->board('b'), Schema::of(it: Field::u64()));
        foreach (['0', '42', '1000000000000000000', '9223372036854775807'] as $digits) {
            $writer->publish(it: $digits);
            $this->assertSame(self::number($digits), $writer->read()['it']);
        }
    }

    public function testAFloatFieldTakesExactIntegers(): void
    {
        $writer = Writer::create($this->board('b'), Schema::of(a: Field::f64(), b: Field::f32()));
        $writer->publish(a: 3, b: -4);
        $this->assertSame(['a' => 3.0, 'b' => -4.0], $writer->read()->toArray());
        $pairs = [[2 ** 24, -2 ** 24], [PHP_INT_MIN, 2 ** 24 + 2]];
        // With fewer bits, an int has no digits that a f64 lacks.
        if (PHP_INT_SIZE === 8) {
            $pairs[] = [2 ** 53, 2 ** 62];
            $pairs[] = [2 ** 53 + 2, -2 ** 53];
        }
        foreach ($pairs as $exact) {
            $writer->publish(a: $exact[0], b: $exact[1]);
            $this->assertSame(
                $exact,
                array_map('intval', array_values($writer->read()->toArray()))
            );
        }
    }

    /** @return iterable<string, array{Field, mixed, class-string<Exception>, string}> */
    public static function unfit(): iterable
    {
        yield 'float for an int' => [
            Field::i32(),
            3.0,
            InvalidFields::class,
            'field it must be i32 (got float)',
        ];
        yield 'string for an int' => [
            Field::i32(),
            '3',
            InvalidFields::class,
            'field it must be i32 (got string)',
        ];
        yield 'int for a bool' => [
            Field::bool(),
            1,
            InvalidFields::class,
            'field it must be bool (got int)',
        ];
        yield 'bool for an int' => [
            Field::u8(),
            true,
            InvalidFields::class,
            'field it must be u8 (got bool)',
        ];
        yield 'bool for a float' => [
            Field::f64(),
            true,
            InvalidFields::class,
            'field it must be f64 (got bool)',
        ];
        yield 'text for a float' => [
            Field::f64(),
            'x',
            InvalidFields::class,
            'field it must be f64 (got string)',
        ];
        yield 'null' => [
            Field::f64(),
            null,
            InvalidFields::class,
            'field it must be f64 (got null)',
        ];
        // With fewer bits, an int has no digits that a f64 lacks.
        foreach (PHP_INT_SIZE === 8 ? [2 ** 53 + 1, -2 ** 53 - 1, PHP_INT_MAX] : [] as $value) {
            $message = "f64 cannot hold the integer $value exactly. Pass a float to round it.";
            yield "f64 that rounds $value" => [
                Field::f64(),
                $value,
                InvalidFields::class,
                $message,
            ];
        }
        foreach ([2 ** 24 + 1, -2 ** 24 - 1, PHP_INT_MAX] as $value) {
            $message = "field it: f32 cannot hold the integer $value exactly";
            yield "f32 that rounds $value" => [
                Field::f32(),
                $value,
                InvalidFields::class,
                $message,
            ];
        }
        yield 'int for a text' => [
            Field::text(4),
            3,
            InvalidFields::class,
            'field it must be text (got int)',
        ];
        yield 'i8 too small' => [
            Field::i8(),
            -129,
            InvalidFields::class,
            'it must be i8, -128 to 127 (got -129)',
        ];
        yield 'u8 too great' => [
            Field::u8(),
            256,
            InvalidFields::class,
            'field it must be u8, 0 to 255 (got 256)',
        ];
        yield 'u32 too great' => [
            Field::u32(),
            self::number('4294967296'),
            InvalidFields::class,
            '(got 4294967296)',
        ];
        if (PHP_INT_SIZE === 4) {
            $values = [[Field::u32(), '-1'], [Field::u32(), '01'], [Field::i64(), '-0']];
            $values[] = [Field::i64(), '9223372036854775808'];
            $values[] = [Field::i64(), '-9223372036854775809'];
            foreach ($values as [$field, $digits]) {
                yield "digits $digits" => [$field, $digits, InvalidFields::class, "(got $digits)"];
            }
        } else {
            $message = 'field it must be i64 (got string)';
            yield 'digits for an i64' => [Field::i64(), '1', InvalidFields::class, $message];
        }
        yield 'u64 negative' => [
            Field::u64(),
            -1,
            InvalidFields::class,
            '0 to 18446744073709551615 (got -1)',
        ];
        yield 'u64 too great' => [
            Field::u64(),
            '18446744073709551616',
            InvalidFields::class,
            '0 to 18446744073709551615 (got ',
        ];
        yield 'u64 far too great' => [
            Field::u64(),
            '99999999999999999999',
            InvalidFields::class,
            '0 to 18446744073709551615 (got ',
        ];
        yield 'u64 too long' => [
            Field::u64(),
            '184467440737095516150',
            InvalidFields::class,
            '0 to 18446744073709551615 (got ',
        ];
        yield 'u64 no number' => [
            Field::u64(),
            "12\n",
            InvalidFields::class,
            '0 to 18446744073709551615 (got ',
        ];
        yield 'text too long' => [
            Field::text(6),
            'Straße',
            TooLarge::class,
            'field it: the text must have at most 6 bytes (got 7)',
        ];
        yield 'NUL in a text' => [
            Field::text(6),
            "a\0b",
            InvalidFields::class,
            'field it: text must not contain NUL',
        ];
        yield 'invalid UTF-8' => [
            Field::text(6),
            "\xff",
            InvalidFields::class,
            'field it: the text must be UTF-8',
        ];
        yield 'scalar for an array' => [
            Field::u8('', 2), 1, InvalidFields::class, 'field it must be a list of 2 u8 (got int)',
        ];
        yield 'short array' => [
            Field::u8('', 2),
            [1],
            InvalidFields::class,
            'must be a list of 2 u8 (got 1 elements)',
        ];
        yield 'named array' => [
            Field::u8('', 2),
            ['a' => 1, 'b' => 2],
            InvalidFields::class,
            'a list of 2 u8',
        ];
        yield 'bad element' => [
            Field::u8('', 2),
            [1, 1.5],
            InvalidFields::class,
            'field it must be u8 (got float)',
        ];
        yield 'list for a scalar' => [
            Field::u8(),
            [1],
            InvalidFields::class,
            'field it must be u8 (got array)',
        ];
    }

    /**
     * @dataProvider unfit
     * @param class-string<Exception> $class
     */
    #[DataProvider('unfit')]
    public function testRejectsValues(
        Field $field,
        mixed $value,
        string $class,
        string $message,
    ): void {
        $board = $this->board('roof');
        $writer = Writer::create($board, Schema::of(it: $field));
        $this->assertThrows($class, "board $board: ", fn () => $writer->publish(it: $value));
        $this->assertThrows($class, $message, fn () => $writer->publish(it: $value));
        $this->assertSame(0, $writer->sequence());
    }

    public function testRequiresAllFieldsAndNoOthers(): void
    {
        $board = $this->board('roof');
        $writer = Writer::create($board, Schema::of(level: Field::f64('m'), rain: Field::bool()));
        $this->assertThrows(
            InvalidFields::class,
            "board $board: field rain (bool) is missing",
            fn () => $writer->publish(level: 1.0)
        );
        $this->assertThrows(
            InvalidFields::class,
            "board $board has no field lvel; it has level, rain",
            fn () => $writer->publish(lvel: 1.0, rain: true)
        );
        $this->assertThrows(
            InvalidFields::class,
            'a record must be an array of its fields (got float)',
            fn () => $writer->publish(1.0)
        );
    }

    public function testASchemaHasOffsets(): void
    {
        $schema = Schema::of(a: Field::u8(), b: Field::f64('m'), c: Field::text(5, 'x', 2));
        $this->assertSame(['a', 'b', 'c'], array_keys($schema->fields));
        ['b' => $b, 'c' => $c] = $schema->fields;
        $this->assertSame(
            [Type::F64, 'm', 8, 1, 8],
            [$b->type, $b->unit, $b->size, $b->count, $b->offset]
        );
        $this->assertSame(
            [Type::Text, 'x', 5, 2, 16],
            [$c->type, $c->unit, $c->size, $c->count, $c->offset]
        );
        $this->assertSame(32, $schema->recordSize);
        $this->assertNull($schema->document);
    }

    public function testRejectsInvalidSchemas(): void
    {
        $none = [
            ['must be an identifier', fn () => Schema::of(...['a b' => Field::f64()])],
            ['the name must have at most 31 bytes, without NUL (got 32 bytes)',
                fn () => Schema::of(...[str_repeat('a', 32) => Field::f64()])],
            ['without NUL (got 3 bytes)', fn () => Schema::of(...["a\0b" => Field::f64()])],
            ['the unit must have at most 15 bytes, without NUL (got 16 bytes)',
                fn () => Schema::of(a: Field::f64(str_repeat('m', 16)))],
            ['text needs a size', fn () => Schema::of(a: Field::text(0))],
            ['the size must be between 0 and 4294967295 (got -1)',
                fn () => Schema::of(a: Field::text(-1))],
            ['the count must be between 1 and 4294967295 (got 0)',
                fn () => Schema::of(a: Field::f64(count: 0))],
            ...(PHP_INT_SIZE === 4 ? [] : [
                ['(got 4294967296)', fn () => Schema::of(a: Field::f64(count: 1 << 32))],
            ]),
            ['needs a size', fn () => Schema::json(0)],
            ['a schema must have at least one field', fn () => Schema::of()],
            ['each must have a name', fn () => Schema::of(Field::f64())],
        ];
        foreach ($none as [$message, $make]) {
            $this->assertThrows(InvalidFields::class, $message, $make);
        }
    }

    public function testReplacesInvalidUtf8OfRawRecords(): void
    {
        $writer = Writer::create(
            $this->board('b'),
            Schema::of(note: Field::text(4), flag: Field::bool())
        );
        $writer->publishBytes("a\xffb\0\2");
        $this->assertSame(['note' => "a\u{fffd}b", 'flag' => true], $writer->read()->toArray());
    }
}
