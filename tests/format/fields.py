"""The field table and the details of a board, by docs/format.md."""

import json
import math
import re
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeVar

STORED = struct.Struct("=32s16sIIII")
BOOL, F32, F64, TEXT, JSON, BYTES = 1, 10, 11, 12, 13, 14
NUMBERS = "?bBhHiIqQfd"
OPTIONAL = 256

A = TypeVar("A")


class DamagedError(Exception):
    """The file breaks a rule of the format."""


def check(right: bool, what: str) -> None:
    if not right:
        raise DamagedError(what)


def up(size: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-size // step) * step


def cut(stored: bytes, size: int) -> list[bytes]:
    return [stored[start : start + size] for start in range(0, len(stored), size)]


@dataclass(frozen=True)
class Type:
    """What a field holds, and how many of it."""

    number: int
    size: int
    count: int

    @property
    def is_document(self) -> bool:
        return self.number in (JSON, BYTES)

    @property
    def alignment(self) -> int:
        return self.size if self.number < TEXT else 1

    def value(self, stored: bytes) -> Any:
        if self.is_document:
            return json.loads(stored) if self.number == JSON else stored
        elements: list[Any]
        if self.number == TEXT:
            texts = [part.partition(b"\0")[0] for part in cut(stored, self.size)]
            elements = [text.decode(errors="replace") for text in texts]
        else:
            elements = list(struct.unpack(f"={self.count}{NUMBERS[self.number - 1]}", stored))
        return elements if self.count > 1 else elements[0]

    def coerced(self, value: Any) -> Any:
        """A value in the details, as the type holds it."""
        if self.number == BYTES:
            return value.encode() if isinstance(value, str) else bytes(value)
        if self.number == JSON:
            return json.loads(self.element(value))
        if self.count == 1:
            return self.element(value)
        check(isinstance(value, list) and len(value) == self.count, "not an array of the field's")
        return [self.element(element) for element in value]

    def element(self, value: Any) -> Any:
        if self.number in (TEXT, JSON):
            check(isinstance(value, str) and "\0" not in value, "not a text")
            check(len(value.encode()) <= self.size, "too long a text")
            return value
        expected = {BOOL: (bool,), F32: (int, float), F64: (int, float)}.get(self.number, (int,))
        check(type(value) in expected and math.isfinite(value), f"{value} is not of the type")
        # Packing refuses what is outside of the type, and rounds to it.
        code = f"={NUMBERS[self.number - 1]}"
        return struct.unpack(code, struct.pack(code, value))[0]


@dataclass(frozen=True)
class Field:
    name: str
    unit: str
    type: Type
    offset: int
    optional: bool
    label: str
    description: str
    default: Any
    min: float | None
    max: float | None

    def value(self, record: bytes) -> Any:
        """The field's part of a record."""
        if self.type.is_document:
            return self.type.value(record)
        end = self.offset + self.type.size * self.type.count
        return self.type.value(record[self.offset : end])


def padded_text(padded: bytes, what: str) -> str:
    used = padded.rstrip(b"\0")
    check(len(used) < len(padded) and b"\0" not in used, f"{what} is not padded with NULs")
    return used.decode()


class Members(dict[str, Any]):
    """A JSON object, which may have unknown members twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = {
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        }


def member(members: Members, name: str, kind: type[A], otherwise: A) -> A:
    value = known(members, name, otherwise)
    if not isinstance(value, kind):
        raise DamagedError(f"details: {name} is {value}")
    if isinstance(value, str):
        # Half of a surrogate pair is a string to Python, but not a text: this raises a ValueError.
        value.encode()
    return value


def known(members: Members, name: str, otherwise: Any = None) -> Any:
    check(name not in members.twice, f"details: {name} is there twice")
    return members.get(name, otherwise)


def integer(text: str) -> float:
    return -0.0 if text == "-0" else int(text)


def read_details(stored: bytes) -> Members:
    # As text, because Python would ignore a byte order mark in bytes, which is not JSON.
    text = stored.decode() or "{}"
    details = json.loads(text, object_pairs_hook=Members, parse_int=integer)
    if not isinstance(details, Members):
        raise DamagedError("details are not a JSON object")
    return details


def read_field(stored: bytes, details: Members) -> Field:
    padded_name, padded_unit, kind, size, count, offset = STORED.unpack(stored)
    name, unit = padded_text(padded_name, "a name"), padded_text(padded_unit, "a unit")
    check(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) is not None, f"name {name!r}")
    number = kind & ~OPTIONAL
    check(BOOL <= number <= BYTES, f"{name}: type {kind}")
    fixed = struct.calcsize(f"={NUMBERS[number - 1]}") if number < TEXT else size
    check(size == fixed and size > 0 and count > 0, f"{name}: size {size}, count {count}")
    holds, of_field = Type(number, size, count), member(details, name, Members, Members([]))
    default = known(of_field, "default")
    default = None if default is None else holds.coerced(default)
    least, most = limit(holds, known(of_field, "min")), limit(holds, known(of_field, "max"))
    for value in default if isinstance(default, list) and number < TEXT else [default]:
        ascending = [one for one in (least, value, most) if one is not None]
        check(ascending == sorted(ascending), f"{name}: default or limits")
    return Field(
        name=name,
        unit=unit,
        type=holds,
        offset=offset,
        optional=bool(kind & OPTIONAL),
        label=member(of_field, "label", str, ""),
        description=member(of_field, "description", str, ""),
        default=default,
        min=least,
        max=most,
    )


def limit(of: Type, value: Any) -> float | None:
    if value is None:
        return None
    check(BOOL < of.number < TEXT, "a limit of a field that is not a number")
    least_or_most: float = of.element(value)
    return least_or_most


def read_fields(table: bytes, details: Members, record_size: int) -> tuple[Field, ...]:
    of_fields = member(details, "fields", Members, Members([]))
    fields = tuple(read_field(stored, of_fields) for stored in cut(table, STORED.size))
    names = {field.name for field in fields}
    check(len(names) == len(fields), "two fields have one name")
    check(names.issuperset(of_fields), "details of a name that is not a field's")
    check(sum(field.optional for field in fields) <= 64, "more than 64 optional fields")
    end, largest = 0, 1
    for field in fields:
        if field.type.is_document:
            alone = len(fields) == field.type.count == 1 and not field.optional
            check(alone, f"{field.name} is not all of the record")
        end, largest = up(end, field.type.alignment), max(largest, field.type.alignment)
        check(field.offset == end, f"{field.name} at {field.offset} instead of {end}")
        end += field.type.size * field.type.count
    check(record_size == up(end, largest) <= 2**30, f"record of {record_size} bytes")
    return fields
