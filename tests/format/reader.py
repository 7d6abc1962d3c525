"""A reader of boards that was made from docs/format.md and nothing else."""

import json
import mmap
import os
import re
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

HEADER = struct.Struct("=8sIIQIIIIIIQQIIQ48s")
FIELD = struct.Struct("=32s16sIIII")
SLOT = struct.Struct("=qqQQQQ")
MAGIC = b"PEGEL\x1a\r\n"
NUMBERS = "?bBhHiIqQfd"
TEXT, JSON, BYTES = 12, 13, 14
OPTIONAL = 256
TRIES = 1000


class Damaged(Exception):
    """The file is no board, or a part of it is not as the format says."""


class OtherLayout(Exception):
    """The file is a board of another layout version or byte order."""


class Empty(Exception):
    """Nothing has been published yet."""


class Gone(Exception):
    """The board was replaced or removed."""


class Overwritten(Exception):
    """The ring does not hold the sequence."""


@dataclass(frozen=True)
class Field:
    name: str
    unit: str
    type: int
    size: int
    count: int
    offset: int
    optional: bool
    details: dict[str, Any] = field(compare=False)

    def value(self, record: bytes) -> Any:
        if self.type in (JSON, BYTES):
            return json.loads(record) if self.type == JSON else record
        stored = record[self.offset : self.offset + self.size * self.count]
        if self.type == TEXT:
            elements = [text(part, "text") for part in cut(stored, self.size)]
        else:
            elements = list(struct.unpack(f"={self.count}{NUMBERS[self.type - 1]}", stored))
        return elements if self.count > 1 else elements[0]


@dataclass(frozen=True)
class Publication:
    sequence: int
    generation: int
    age: float
    values: dict[str, Any]


def damaged(what: str) -> NoReturn:
    raise Damaged(what)


def check(right: bool, what: str) -> None:
    if not right:
        damaged(what)


def up(size: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-size // step) * step


def cut(stored: bytes, size: int) -> list[bytes]:
    return [stored[start : start + size] for start in range(0, len(stored), size)]


def text(padded: bytes, what: str) -> str:
    used = padded.rstrip(b"\0")
    check(b"\0" not in used, f"NUL in {what}")
    try:
        return used.decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"{what}: {error}") from error


def fnv_1a(data: bytes) -> int:
    number = 0xCBF29CE484222325
    for byte in data:
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return number


def this_boot() -> int:
    """This boot's number, 0 if there is no /proc to tell."""
    try:
        digits = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return 0
    return int(digits.replace("-", "")[:16], 16)


def read_details(stored: bytes) -> dict[str, Any]:
    try:
        details = json.loads(stored) if stored else {}
    except ValueError as error:
        raise Damaged(f"details: {error}") from error
    check(isinstance(details, dict), "details are no object")
    return details


def read_fields(table: bytes, details: dict[str, Any]) -> tuple[Field, ...]:
    fields = []
    for stored in cut(table, FIELD.size):
        padded_name, padded_unit, kind, size, count, offset = FIELD.unpack(stored)
        name, unit = text(padded_name, "name"), text(padded_unit, "unit")
        check(re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,30}", name) is not None, "name")
        check(len(unit.encode()) < 16, f"unit of {name}")
        optional, kind = bool(kind & OPTIONAL), kind & ~OPTIONAL
        check(1 <= kind <= BYTES, f"type {kind} of {name}")
        fixed = struct.calcsize(f"={NUMBERS[kind - 1]}") if kind < TEXT else size
        check(size == fixed and size > 0 and count > 0, f"size or count of {name}")
        told = details.get("fields", {}).get(name, {})
        fields.append(Field(name, unit, kind, size, count, offset, optional, told))
    check(len({one.name for one in fields}) == len(fields), "a name stands for two fields")
    check(sum(one.optional for one in fields) <= 64, "more than 64 optional fields")
    for one in fields:
        if one.type in (JSON, BYTES):
            check(len(fields) == one.count == 1 and not one.optional, "document beside others")
    return tuple(fields)


def check_places(fields: tuple[Field, ...], record_size: int) -> None:
    """Fields stand where C would put them."""
    end, largest = 0, 1
    for one in fields:
        alignment = one.size if one.type < TEXT else 1
        end, largest = up(end, alignment), max(largest, alignment)
        check(one.offset == end, f"{one.name} at {one.offset} instead of {end}")
        end += one.size * one.count
    check(record_size == up(end, largest) <= 2**30, f"record size {record_size}")


class Reader:
    """Reads the board of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._check(os.fstat(self.file).st_size)
            memory = mmap.mmap(self.file, 0, prot=mmap.PROT_READ)
        except BaseException:
            os.close(self.file)
            raise
        self._memory = memory
        self._words = memoryview(memory).cast("Q")

    def _check(self, file_size: int) -> None:
        check(file_size >= HEADER.size, f"{file_size} bytes")
        (
            magic, version, byte_order, segment_size, control_offset, slots_offset, slot_count,
            slot_size, record_size, field_count, schema_hash, base_sequence, details_size,
            zero, lineage, zeros,
        ) = HEADER.unpack(os.pread(self.file, HEADER.size, 0))  # fmt: skip
        check(magic == MAGIC, "magic")
        if (version, byte_order) != (1, 0x01020304):
            raise OtherLayout(f"layout {version}, byte order {byte_order:#010x}")
        check(1 <= field_count <= 4096, f"{field_count} fields")
        check(details_size <= 2**20, f"{details_size} bytes of details")
        check(slot_count in [2**power for power in range(2, 17)], f"{slot_count} slots")
        details_offset = HEADER.size + FIELD.size * field_count
        derived = (
            up(details_offset + details_size, 64),
            up(details_offset + details_size, 64) + 128,
            up(SLOT.size + record_size, 64),
            up(details_offset + details_size, 64)
            + 128
            + slot_count * up(SLOT.size + record_size, 64),
        )
        stored = (control_offset, slots_offset, slot_size, segment_size)
        check(stored == derived, f"{stored} instead of {derived}")
        check(file_size == segment_size, f"{file_size} bytes instead of {segment_size}")
        check(zero == 0 and not any(zeros), "reserved bytes are not zero")
        table = os.pread(self.file, FIELD.size * field_count, HEADER.size)
        check(fnv_1a(table) == schema_hash, "schema hash")
        details = read_details(os.pread(self.file, details_size, details_offset))
        self.fields = read_fields(table, details)
        check_places(self.fields, record_size)
        self.description: str = details.get("description", "")
        self.slot_count, self.slot_size, self.record_size = slot_count, slot_size, record_size
        self.base_sequence, self.lineage = base_sequence, lineage
        self._control, self._slots = control_offset, slots_offset

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._words.release()
        self._memory.close()
        os.close(self.file)

    # Step 2 of the protocol wants an acquire load and step 4 an acquire fence, and Python has
    # neither. It needs none on x86-64: the processor keeps the order of loads, CPython makes each
    # of them where the program says so, and a word of a cast memoryview is loaded by one
    # instruction. Elsewhere this class would need help, so it refuses to be made.

    @property
    def _head(self) -> int:
        return int(self._words[self._control // 8])

    @property
    def sequence(self) -> int:
        """The newest one: base_sequence while the board is empty."""
        return self._head // 2

    @property
    def generation(self) -> int:
        """How many writers have taken the board."""
        return int(self._words[self._control // 8 + 8])

    @property
    def marked(self) -> bool:
        """Whether somebody was about to replace or remove the board."""
        return self._head % 2 == 1

    @property
    def gone(self) -> bool:
        if not self.marked:
            return False
        try:
            named = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return True
        return not os.path.samestat(named, os.fstat(self.file))

    def read(self) -> Publication:
        """The newest record."""
        for _ in range(TRIES):
            if self.gone:
                raise Gone(str(self.path))
            newest = self.sequence
            check(newest >= self.base_sequence, f"sequence {newest} before the first")
            if newest == self.base_sequence:
                raise Empty(str(self.path))
            slot = self._copy(newest)
            if slot is not None:
                return self._publication(newest, slot)
        raise TimeoutError(f"{self.path}: {TRIES} copies were overtaken")

    def read_at(self, sequence: int) -> Publication:
        """The record of a sequence, while the ring holds it."""
        slot = self._copy(sequence) if self.base_sequence < sequence <= self.sequence else None
        if slot is None:
            raise Overwritten(f"{self.path}: {sequence}")
        return self._publication(sequence, slot)

    def _copy(self, sequence: int) -> bytes | None:
        """The slot of a sequence, unless it was overwritten meanwhile."""
        start = self._slots + sequence % self.slot_count * self.slot_size
        slot = self._memory[start : start + self.slot_size]
        return slot if self.sequence - sequence <= self.slot_count - 2 else None

    def _publication(self, sequence: int, slot: bytes) -> Publication:
        published, wall_offset, boot, generation, present, length = SLOT.unpack_from(slot)
        check(length <= self.record_size, f"record of {length} bytes")
        record = slot[SLOT.size : SLOT.size + length]
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - published
        if boot not in (0, this_boot()):
            now = time.time_ns() - published - wall_offset
        values: dict[str, Any] = {}
        bit = 1
        for one in self.fields:
            values[one.name] = one.value(record) if not one.optional or present & bit else None
            bit <<= one.optional
        return Publication(sequence, generation, now / 1e9, values)
