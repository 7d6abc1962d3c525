<?php

/** Writes and reads boards for test_matrix.py, which describes the form of its lines. */

declare(strict_types=1);

use Pegel\Field;
use Pegel\Reader;
use Pegel\Schema;
use Pegel\Type;
use Pegel\Writer;

require __DIR__ . '/../../../php-ffi/autoload.php';

const CAPACITY = 4096;

function schema(string $kind): Schema
{
    return match ($kind) {
        'json' => Schema::json(CAPACITY),
        'bytes' => Schema::bytes(CAPACITY),
        'record' => Schema::of(
            flag: Field::bool(),
            flags: Field::bool(count: 3),
            i8: Field::i8(),
            i8s: Field::i8(count: 2),
            u8: Field::u8(),
            u8s: Field::u8(count: 2),
            i16: Field::i16(),
            i16s: Field::i16(count: 2),
            u16: Field::u16(),
            u16s: Field::u16(count: 2),
            i32: Field::i32(),
            i32s: Field::i32(count: 2),
            u32: Field::u32('Wh'),
            u32s: Field::u32(count: 2),
            i64: Field::i64(),
            i64s: Field::i64(count: 2),
            u64: Field::u64(),
            u64s: Field::u64(count: 2),
            f32: Field::f32('µS/cm'),
            f32s: Field::f32(count: 9),
            f64: Field::f64('°C'),
            f64s: Field::f64(count: 9),
            text: Field::text(24),
            texts: Field::text(9, count: 3),
            last: Field::u8(),
        ),
    };
}

function parse(Field $field, string $word): bool|int|float|string
{
    return match ($field->type) {
        Type::Bool => $word === 'true',
        Type::F32 => unpack('G', hex2bin($word))[1],
        Type::F64 => unpack('E', hex2bin($word))[1],
        // Beyond PHP_INT_MAX it stays a string.
        Type::U64 => (string) (int) $word === $word ? (int) $word : $word,
        Type::Text => $word,
        default => (int) $word,
    };
}

function show(Field $field, bool|int|float|string $value): string
{
    return match ($field->type) {
        Type::Bool => $value ? 'true' : 'false',
        Type::F32 => bin2hex(pack('G', $value)),
        Type::F64 => bin2hex(pack('E', $value)),
        default => (string) $value,
    };
}

function encode(Schema $schema, string $line): mixed
{
    if ($schema->document === Type::Json) {
        return json_decode($line, true, flags: JSON_THROW_ON_ERROR);
    }
    if ($schema->document === Type::Bytes) {
        return hex2bin($line);
    }
    $words = explode("\t", $line);
    $record = [];
    foreach ($schema->fields as $name => $field) {
        $values = [];
        for ($index = 0; $index < $field->count; $index++) {
            $values[] = parse($field, array_shift($words));
        }
        $record[$name] = $field->count === 1 ? $values[0] : $values;
    }
    return $record;
}

function decode(Schema $schema, mixed $record): string
{
    if ($schema->document === Type::Json) {
        $flags = JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;
        return json_encode($record, $flags);
    }
    if ($schema->document === Type::Bytes) {
        return bin2hex($record);
    }
    $words = [];
    foreach ($schema->fields as $name => $field) {
        foreach ((array) $record[$name] as $value) {
            $words[] = show($field, $value);
        }
    }
    return implode("\t", $words);
}

function write(string $board, string $kind): void
{
    $schema = schema($kind);
    $writer = Writer::create($board, $schema);
    echo "ready\n";
    while (($line = fgets(STDIN)) !== false) {
        echo $writer->publish(encode($schema, rtrim($line, "\n"))), "\n";
    }
}

function read(string $board, string $kind): void
{
    $reader = Reader::open($board);
    $schema = schema($kind);
    if ($reader->schema()->fields != $schema->fields) {
        throw new Exception("board $board has another schema than this program");
    }
    while (($line = fgets(STDIN)) !== false) {
        $reader->wait((int) $line);
        $now = $reader->read();
        $alive = $now->writerAlive ? 'true' : 'false';
        echo "$now->sequence\t$now->generation\t$alive\t", decode($schema, $now->document), "\n";
    }
}

[, $verb, $board, $kind] = $argv;
match ($verb) {
    'write' => write($board, $kind),
    'read' => read($board, $kind),
};
