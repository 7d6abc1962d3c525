"""Writes and reads boards for test_matrix.py, which describes the form of its lines."""

import json
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pegel

CAPACITY = 4096
SCHEMAS: dict[str, dict[str, pegel.Field]] = {
    "record": {
        "flag": pegel.bool_(),
        "flags": pegel.bool_(count=3),
        "i8": pegel.i8(),
        "i8s": pegel.i8(count=2),
        "u8": pegel.u8(),
        "u8s": pegel.u8(count=2),
        "i16": pegel.i16(),
        "i16s": pegel.i16(count=2),
        "u16": pegel.u16(),
        "u16s": pegel.u16(count=2),
        "i32": pegel.i32(),
        "i32s": pegel.i32(count=2),
        "u32": pegel.u32("Wh"),
        "u32s": pegel.u32(count=2),
        "i64": pegel.i64(),
        "i64s": pegel.i64(count=2),
        "u64": pegel.u64(),
        "u64s": pegel.u64(count=2),
        "f32": pegel.f32("µS/cm"),
        "f32s": pegel.f32(count=9),
        "f64": pegel.f64("°C"),
        "f64s": pegel.f64(count=9),
        "text": pegel.text(24),
        "texts": pegel.text(9, count=3),
        "last": pegel.u8(),
    },
    "json": {"document": pegel.json(CAPACITY)},
    "bytes": {"document": pegel.bytes_(CAPACITY)},
}


def parse(field: pegel.Field, word: str) -> Any:
    match field.type:
        case "bool":
            return word == "true"
        case "f32":
            return struct.unpack(">f", bytes.fromhex(word))[0]
        case "f64":
            return struct.unpack(">d", bytes.fromhex(word))[0]
        case "text":
            return word
        case _:
            return int(word)


def show(field: pegel.Field, value: Any) -> str:
    match field.type:
        case "bool":
            return "true" if value else "false"
        case "f32":
            return struct.pack(">f", value).hex()
        case "f64":
            return struct.pack(">d", value).hex()
        case _:
            return str(value)


def encode(fields: dict[str, pegel.Field], kind: str, line: str) -> Any:
    if kind == "json":
        return json.loads(line)
    if kind == "bytes":
        return bytes.fromhex(line)
    words = iter(line.split("\t"))
    return {
        name: parse(field, next(words))
        if field.count == 1
        else [parse(field, next(words)) for _ in range(field.count)]
        for name, field in fields.items()
    }


def decode(fields: dict[str, pegel.Field], kind: str, now: pegel.Snapshot) -> Iterator[str]:
    if kind == "json":
        yield json.dumps(now.document, ensure_ascii=False)
    elif kind == "bytes":
        yield now.document.hex()
    else:
        for name, field in fields.items():
            values = now[name] if field.count > 1 else [now[name]]
            yield from (show(field, value) for value in values)


def write(board: str, kind: str) -> None:
    schema = SCHEMAS[kind]
    with pegel.Writer(board, schema if kind == "record" else schema["document"]) as writer:
        print("ready", flush=True)
        for line in sys.stdin:
            print(writer.publish(encode(writer.fields, kind, line.rstrip("\n"))), flush=True)


def read(board: str, kind: str) -> None:
    with pegel.Reader(board) as reader:
        for line in sys.stdin:
            reader.wait(int(line))
            now = reader.read()
            alive = "true" if now.writer_alive else "false"
            values = decode(reader.fields, kind, now)
            print(now.sequence, now.generation, alive, *values, sep="\t", flush=True)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
