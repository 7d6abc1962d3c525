"""A reader of boards that was written from docs/format.md alone."""

import mmap
import os
import platform
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from format.fields import STORED as FIELD
from format.fields import DamagedError, check, member, read_details, read_fields, up

HEADER = struct.Struct("=8sIIQIIIIIIQQIIQI44s")
STAMP = struct.Struct("=qqQQQII")
CHECKSUMS, DURABLE, MIRROR = 1, 2, 4
MAGIC = b"PEGEL\x1a\r\n"
LAYOUT = (2, 0x01020304)
CONTROL_SIZE = 128
SLOT_COUNTS = [2**power for power in range(2, 17)]
UNKNOWN, RESTORED = 0, 2**64 - 1
TRIES = 1000


class LayoutError(Exception):
    """The file is a board of another layout version or byte order, or has flags of a later one."""


class EmptyError(Exception):
    """Nothing has been published yet."""


class GoneError(Exception):
    """The board was replaced or removed."""


class OverwrittenError(Exception):
    """The ring does not hold the sequence, or not any more."""


@dataclass(frozen=True)
class Publication:
    sequence: int
    generation: int
    published: int
    wall_offset: int
    boot: int
    age: float
    values: dict[str, Any]


def fnv_1a(data: bytes) -> int:
    number = 0xCBF29CE484222325
    for byte in data:
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return number


def this_boot() -> int:
    try:
        digits = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return UNKNOWN
    return int(digits.replace("-", "")[:16], 16)


class Reader:
    """Reads the board of a file."""

    def __init__(self, path: Path) -> None:
        if platform.machine() != "x86_64":
            raise NotImplementedError("this reader relies on the order of loads of x86-64")
        self.path = path
        self.file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._check(os.fstat(self.file).st_size)
            memory = mmap.mmap(self.file, 0, prot=mmap.PROT_READ)
        except (ValueError, TypeError, OverflowError, RecursionError, struct.error) as error:
            os.close(self.file)
            raise DamagedError(str(error)) from error
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
            flags, lineage, checksum, zeros,
        ) = HEADER.unpack(os.pread(self.file, HEADER.size, 0))  # fmt: skip
        check(magic == MAGIC, "magic")
        if (version, byte_order) != LAYOUT:
            raise LayoutError(f"layout {version}, byte order {byte_order:#010x}")
        if flags & ~(CHECKSUMS | DURABLE | MIRROR):
            raise LayoutError(f"flags {flags:#x}")
        check(1 <= field_count <= 4096, f"{field_count} fields")
        check(details_size <= 2**20, f"{details_size} bytes of details")
        check(slot_count in SLOT_COUNTS, f"{slot_count} slots")
        details_offset = HEADER.size + FIELD.size * field_count
        control = up(details_offset + details_size, 64)
        slots = control + CONTROL_SIZE
        bytes_of_slot = up(up(record_size, 8) + STAMP.size, 64)
        derived = (control, slots, bytes_of_slot, slots + slot_count * bytes_of_slot)
        stored = (control_offset, slots_offset, slot_size, segment_size)
        check(stored == derived, f"{stored} instead of {derived}")
        check(file_size == segment_size, f"{file_size} bytes instead of {segment_size}")
        check(not any(zeros), "reserved bytes are not zero")
        table = os.pread(self.file, FIELD.size * field_count, HEADER.size)
        stored_details = os.pread(self.file, details_size, details_offset)
        covered = os.pread(self.file, 80, 0) + table + stored_details
        self.checksums = flags & CHECKSUMS != 0
        check(checksum == (zlib.crc32(covered) if self.checksums else 0), "checksum of the header")
        check(fnv_1a(table) == schema_hash, "schema hash")
        details = read_details(stored_details)
        self.fields = read_fields(table, details, record_size)
        self.description = member(details, "description", str, "")
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
        """Whether a process was about to replace or remove the board."""
        return self._head % 2 == 1

    @property
    def gone(self) -> bool:
        if os.fstat(self.file).st_nlink == 0:
            return True
        if not self.marked:
            return False
        try:
            named = self.path.lstat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(named, os.fstat(self.file))

    def read(self) -> Publication:
        """The newest record."""
        for _ in range(TRIES):
            self._check_presence()
            newest = self.sequence
            check(newest >= self.base_sequence, f"sequence {newest} before the first")
            if newest == self.base_sequence:
                raise EmptyError(str(self.path))
            slot = self._copy(newest)
            if slot is not None:
                return self._publication(newest, slot)
        raise TimeoutError(f"{self.path}: {TRIES} copies were overtaken")

    def read_at(self, sequence: int) -> Publication:
        """The record of a sequence, while the ring holds it."""
        self._check_presence()
        slot = self._copy(sequence) if self.base_sequence < sequence <= self.sequence else None
        if slot is None:
            raise OverwrittenError(f"{self.path}: {sequence}")
        return self._publication(sequence, slot)

    def _check_presence(self) -> None:
        if self.gone:
            raise GoneError(str(self.path))

    def _copy(self, sequence: int) -> bytes | None:
        """The slot of a sequence, unless it was overwritten meanwhile."""
        start = self._slots + sequence % self.slot_count * self.slot_size
        slot = self._memory[start : start + self.slot_size]
        return slot if self.sequence - sequence <= self.slot_count - 2 else None

    def _publication(self, sequence: int, slot: bytes) -> Publication:
        end = up(self.record_size, 8)
        stamp = slot[end : end + STAMP.size]
        published, wall_offset, boot, generation, present, length, checksum = STAMP.unpack(stamp)
        is_document = self.fields[0].type.is_document
        fits = length <= self.record_size if is_document else length == self.record_size
        check(fits, f"record of {length} bytes")
        record = slot[:length]
        if self.checksums:
            covered = record + stamp[:-4] + struct.pack("=Q", sequence)
            check(zlib.crc32(covered) == checksum, f"checksum of {sequence}")
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        age = since = now - published
        if boot in (UNKNOWN, RESTORED) or boot != this_boot() or since < 0:
            age = time.time_ns() - published - wall_offset
            if age < 0:
                age = now
            elif boot == RESTORED:
                age = max(age, since)
        values: dict[str, Any] = {}
        bit = 1
        for one in self.fields:
            values[one.name] = one.value(record) if not one.optional or present & bit else None
            bit <<= one.optional
        return Publication(sequence, generation, published, wall_offset, boot, age / 1e9, values)
