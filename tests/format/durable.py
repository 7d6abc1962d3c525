"""A reader of durable files that was written from docs/format.md alone."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from format.fields import DamagedError, check, read_details, read_fields, up
from format.reader import CHECKSUMS, DURABLE, SLOT_COUNTS, LayoutError, fnv_1a

HEAD = struct.Struct("=8sIIQQIIIIIIII")
SLOT = struct.Struct("=IIQQqqQQQII")
MAGIC = b"PEGELD\x1a\n"
PAGE = 65536


@dataclass(frozen=True)
class Slot:
    sequence: int
    writers: int
    record: bytes | None


@dataclass(frozen=True)
class Durable:
    board: str
    lineage: int
    mode: int
    slots: tuple[Slot | None, Slot | None]

    @property
    def newest(self) -> Slot:
        counting = [slot for slot in self.slots if slot]
        check(counting != [], "neither slot counts")
        return max(counting, key=lambda slot: slot.sequence)


def parts(content: bytes | bytearray) -> tuple[int, int]:
    """Where the head and the first slot end."""
    _, _, _, _, _, record_size, _, fields, details, path, *_ = HEAD.unpack_from(content)
    head = HEAD.size + 64 * fields + details + path
    return head, up(SLOT.size + record_size, PAGE)


def read(file: Path) -> Durable:
    return parse(file.read_bytes())


def parse(content: bytes) -> Durable:
    try:
        return checked(content)
    except (ValueError, struct.error) as error:
        raise DamagedError(str(error)) from error


def checked(content: bytes) -> Durable:
    check(len(content) >= HEAD.size, f"{len(content)} bytes")
    (
        magic, version, byte_order, lineage, schema_hash, record_size, slot_count, fields, details,
        path, mode, flags, checksum,
    ) = HEAD.unpack_from(content)  # fmt: skip
    check(magic == MAGIC, "magic")
    if (version, byte_order) != (1, 0x01020304) or flags & ~CHECKSUMS != DURABLE:
        raise LayoutError(f"version {version}, byte order {byte_order:#x}, flags {flags:#x}")
    check(1 <= fields <= 4096 and details <= 2**20 and path <= 4096, "sizes")
    check(slot_count in SLOT_COUNTS, f"{slot_count} slots")
    end, size = parts(content)
    check(len(content) >= end, f"{len(content)} bytes")
    table = content[HEAD.size :][: 64 * fields]
    stored_details = content[HEAD.size + len(table) :][:details]
    board = os.fsdecode(content[end - path : end])
    check(checksum == zlib.crc32(content[: HEAD.size - 4] + content[HEAD.size : end]), "checksum")
    check(fnv_1a(table) == schema_hash, "schema hash")
    is_document = read_fields(table, read_details(stored_details), record_size)[0].type.is_document
    check(mode <= 0o777, f"mode {mode:o}")
    first = up(end, PAGE)
    check(len(content) == first + 2 * size, f"{len(content)} bytes")
    shortest = 0 if is_document else record_size
    slots = [
        slot(content[start:][:size], checksum, range(shortest, record_size + 1))
        for start in (first, first + size)
    ]
    return Durable(board, lineage, mode, (slots[0], slots[1]))


def slot(content: bytes, head: int, lengths: range) -> Slot | None:
    checksum, records, sequence, writers, *_, length, _ = SLOT.unpack_from(content)
    if records > 1 or length not in (lengths if records else [0]):
        return None
    if not records <= sequence < 2**63:
        return None
    record = content[SLOT.size : SLOT.size + length]
    covered = struct.pack("=I", head) + content[4 : SLOT.size] + record
    if zlib.crc32(covered) != checksum:
        return None
    return Slot(sequence, writers, record if records else None)


def seal(content: bytearray) -> None:
    """Makes the checksums right, whatever they are of."""
    end, size = parts(content)
    head = zlib.crc32(content[: HEAD.size - 4] + content[HEAD.size : end])
    struct.pack_into("=I", content, HEAD.size - 4, head)
    for start in (up(end, PAGE), up(end, PAGE) + size):
        part = content[start : start + size]
        if len(part) < SLOT.size or not any(part):
            continue
        length = SLOT.unpack_from(part)[-2]
        covered = part[4 : SLOT.size + length]
        struct.pack_into("=I", content, start, zlib.crc32(head.to_bytes(4, "little") + covered))
