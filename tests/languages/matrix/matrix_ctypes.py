"""Writes and reads boards by the C header, for test_matrix.py, which has the lines' form."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int8,
    c_int16,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from enum import IntEnum
from typing import Any

CAPACITY = 4096


class Type(IntEnum):
    BOOL = 1
    I8 = 2
    U8 = 3
    I16 = 4
    U16 = 5
    I32 = 6
    U32 = 7
    I64 = 8
    U64 = 9
    F32 = 10
    F64 = 11
    TEXT = 12
    JSON = 13
    BYTES = 14


FIELDS: tuple[tuple[str, str, Type, Any, int], ...] = (
    ("flag", "", Type.BOOL, c_bool, 1),
    ("flags", "", Type.BOOL, c_bool, 3),
    ("i8", "", Type.I8, c_int8, 1),
    ("i8s", "", Type.I8, c_int8, 2),
    ("u8", "", Type.U8, c_uint8, 1),
    ("u8s", "", Type.U8, c_uint8, 2),
    ("i16", "", Type.I16, c_int16, 1),
    ("i16s", "", Type.I16, c_int16, 2),
    ("u16", "", Type.U16, c_uint16, 1),
    ("u16s", "", Type.U16, c_uint16, 2),
    ("i32", "", Type.I32, c_int32, 1),
    ("i32s", "", Type.I32, c_int32, 2),
    ("u32", "Wh", Type.U32, c_uint32, 1),
    ("u32s", "", Type.U32, c_uint32, 2),
    ("i64", "", Type.I64, c_int64, 1),
    ("i64s", "", Type.I64, c_int64, 2),
    ("u64", "", Type.U64, c_uint64, 1),
    ("u64s", "", Type.U64, c_uint64, 2),
    ("f32", "µS/cm", Type.F32, c_float, 1),
    ("f32s", "", Type.F32, c_float, 9),
    ("f64", "°C", Type.F64, c_double, 1),
    ("f64s", "", Type.F64, c_double, 9),
    ("text", "", Type.TEXT, c_char * 24, 1),
    ("texts", "", Type.TEXT, c_char * 9, 3),
    ("last", "", Type.U8, c_uint8, 1),
)


class Record(Structure):
    _fields_ = tuple((name, c if count == 1 else c * count) for name, _, _, c, count in FIELDS)


class Field(Structure):
    _fields_ = (
        ("name", c_char * 32),
        ("unit", c_char * 16),
        ("type", c_uint32),
        ("size", c_uint32),
        ("count", c_uint32),
        ("offset", c_uint32),
    )


class Stamp(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("retries", c_uint32),
        ("record_size", c_uint32),
        ("reserved", c_uint32),
        ("sequence", c_uint64),
        ("generation", c_uint64),
        ("published_ns", c_int64),
        ("age_ns", c_int64),
    )


def load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ["PEGEL_LIBRARY"])
    library.pegel_error_message.restype = c_char_p
    for name, *arguments in (
        ("writer_create", c_char_p, POINTER(Field), c_size_t, c_void_p, POINTER(c_void_p)),
        ("writer_publish", c_void_p, c_void_p, c_size_t, POINTER(c_uint64)),
        ("reader_open", c_char_p, POINTER(c_void_p)),
        ("reader_fields", c_void_p, POINTER(Field), c_size_t, POINTER(c_size_t)),
        ("reader_wait", c_void_p, c_uint64, c_int64, POINTER(c_uint64)),
        ("reader_read", c_void_p, c_void_p, c_size_t, POINTER(Stamp)),
        ("reader_writer_alive", c_void_p, POINTER(c_int32)),
    ):
        function = getattr(library, f"pegel_{name}")
        function.restype, function.argtypes = c_int, arguments
    for name in ("writer_close", "reader_close"):
        function = getattr(library, f"pegel_{name}")
        function.restype, function.argtypes = None, [c_void_p]
    return library


LIBRARY = load()


def call(name: str, *arguments: object) -> None:
    if getattr(LIBRARY, f"pegel_{name}")(*arguments) != 0:
        sys.exit(LIBRARY.pegel_error_message().decode())


def table(kind: str) -> "ctypes.Array[Field]":
    if kind == "record":
        rows = [
            Field(name.encode(), unit.encode(), field_type, ctypes.sizeof(c), count)
            for name, unit, field_type, c, count in FIELDS
        ]
        for row, (name, *_) in zip(rows, FIELDS, strict=True):
            row.offset = getattr(Record, name).offset
    else:
        rows = [Field(b"document", b"", Type.JSON if kind == "json" else Type.BYTES, CAPACITY, 1)]
    return (Field * len(rows))(*rows)


def parse(field_type: Type, word: str) -> Any:
    match field_type:
        case Type.BOOL:
            return word == "true"
        case Type.F32:
            return struct.unpack(">f", bytes.fromhex(word))[0]
        case Type.F64:
            return struct.unpack(">d", bytes.fromhex(word))[0]
        case Type.TEXT:
            return word.encode()
        case _:
            return int(word)


def show(field_type: Type, value: Any) -> str:
    match field_type:
        case Type.BOOL:
            return "true" if value else "false"
        case Type.F32:
            return struct.pack(">f", value).hex()
        case Type.F64:
            return struct.pack(">d", value).hex()
        case Type.TEXT:
            # An element of an array of texts is an array itself.
            return str(getattr(value, "value", value), "utf-8")
        case _:
            return str(value)


def encode(kind: str, line: str) -> bytes:
    if kind == "json":
        return line.encode()
    if kind == "bytes":
        return bytes.fromhex(line)
    words = iter(line.split("\t"))
    record = Record()
    for name, _, field_type, _, count in FIELDS:
        if count == 1:
            setattr(record, name, parse(field_type, next(words)))
            continue
        array = getattr(record, name)
        for index in range(count):
            value = parse(field_type, next(words))
            if field_type == Type.TEXT:
                array[index].value = value
            else:
                array[index] = value
    return bytes(record)


def decode(kind: str, document: bytes) -> Iterator[str]:
    if kind == "json":
        yield document.decode()
    elif kind == "bytes":
        yield document.hex()
    else:
        record = Record.from_buffer_copy(document)
        for name, _, field_type, _, count in FIELDS:
            value = getattr(record, name)
            yield from (show(field_type, element) for element in (value if count > 1 else [value]))


def write(board: str, kind: str) -> None:
    fields, writer, sequence = table(kind), c_void_p(), c_uint64()
    call("writer_create", board.encode(), fields, len(fields), None, byref(writer))
    print("ready", flush=True)
    for line in sys.stdin:
        record = encode(kind, line.rstrip("\n"))
        call("writer_publish", writer, record, len(record), byref(sequence))
        print(sequence.value, flush=True)
    LIBRARY.pegel_writer_close(writer)


def read(board: str, kind: str) -> None:
    fields, reader, count, sequence = table(kind), c_void_p(), c_size_t(), c_uint64()
    call("reader_open", board.encode(), byref(reader))
    found = (Field * len(fields))()
    call("reader_fields", reader, found, len(found), byref(count))
    if bytes(found) != bytes(fields):
        sys.exit("the board has other fields than this program's structure")
    size = ctypes.sizeof(Record) if kind == "record" else CAPACITY
    record, stamp, alive = ctypes.create_string_buffer(size), Stamp(ctypes.sizeof(Stamp)), c_int32()
    for line in sys.stdin:
        call("reader_wait", reader, int(line), 60_000_000_000, byref(sequence))
        call("reader_read", reader, record, size, byref(stamp))
        call("reader_writer_alive", reader, byref(alive))
        state = "true" if alive.value else "false"
        values = decode(kind, record.raw[: stamp.record_size])
        print(stamp.sequence, stamp.generation, state, *values, sep="\t", flush=True)
    LIBRARY.pegel_reader_close(reader)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
