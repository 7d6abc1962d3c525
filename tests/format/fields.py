"""What a board's field table and details say, by docs/format.md."""

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, TypeVar

STORED = struct.Struct("=32s16sIIII")
BOOL, F32, F64, TEXT, JSON, BYTES = 1, 10, 11, 12, 13, 14
NUMBERS = "?bBhHiIqQfd"
OPTIONAL = 256

A = TypeVar("A")


class DamagedError(Exception):
    """The file is no board, or a part of it is not as the format says."""


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

    def told(self, value: Any) -> Any:
        """A value that the details tell, as the type holds it."""
        if self.number == BYTES:
            return value.encode() if isinstance(value, str) else bytes(value)
        if self.number == JSON:
            return json.loads(self.element(value))
        if self.count == 1:
            return self.element(value)
        check(isinstance(value, list) and len(value) == self.count, "no array of the field's")
        return [self.element(element) for element in value]

    def element(self, value: Any) -> Any:
        if self.number in (TEXT, JSON):
            check(isinstance(value, str) and "\0" not in value, "no text")
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


def member(members: dict[str, Any], name: str, kind: type[A], otherwise: A) -> A:
    value = members.get(name, otherwise)
    if not isinstance(value, kind):
        raise DamagedError(f"details: {name} is {value}")
    return value


def read_details(stored: bytes) -> dict[str, Any]:
    # As text, because Python would pass over a byte order mark in bytes, which is no JSON.
    details: dict[str, Any] = json.loads(stored.decode() or "{}", object_pairs_hook=unique)
    check(isinstance(details, dict), "details are no JSON object")
    # A lone half of a surrogate pair is JSON to Python, but no text.
    json.dumps(details, ensure_ascii=False).encode()
    return details


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    check(len(members) == len(pairs), "details: a member stands twice")
    return members


def read_field(stored: bytes, details: dict[str, Any]) -> Field:
    padded_name, padded_unit, kind, size, count, offset = STORED.unpack(stored)
    name, unit = padded_text(padded_name, "a name"), padded_text(padded_unit, "a unit")
    check(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) is not None, f"name {name!r}")
    number = kind & ~OPTIONAL
    check(BOOL <= number <= BYTES, f"{name}: type {kind}")
    fixed = struct.calcsize(f"={NUMBERS[number - 1]}") if number < TEXT else size
    check(size == fixed and size > 0 and count > 0, f"{name}: size {size}, count {count}")
    holds, told = Type(number, size, count), member(details, name, dict, {})
    default = holds.told(told["default"]) if told.get("default") is not None else None
    least, most = limit(holds, told.get("min")), limit(holds, told.get("max"))
    for value in default if isinstance(default, list) and number < TEXT else [default]:
        ascending = [one for one in (least, value, most) if one is not None]
        check(ascending == sorted(ascending), f"{name}: default or limits")
    return Field(
        name=name,
        unit=unit,
        type=holds,
        offset=offset,
        optional=bool(kind & OPTIONAL),
        label=member(told, "label", str, ""),
        description=member(told, "description", str, ""),
        default=default,
        min=least,
        max=most,
    )


def limit(of: Type, told: Any) -> float | None:
    if told is None:
        return None
    check(BOOL < of.number < TEXT, "limits of what is no number")
    least_or_most: float = of.element(told)
    return least_or_most


def read_fields(table: bytes, details: dict[str, Any], record_size: int) -> tuple[Field, ...]:
    of_fields = member(details, "fields", dict, {})
    fields = tuple(read_field(stored, of_fields) for stored in cut(table, STORED.size))
    names = {field.name for field in fields}
    check(len(names) == len(fields), "a name stands for two fields")
    check(names.issuperset(of_fields), "details of what is no field")
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
