"""A reader of durable files that was made from docs/format.md and nothing else."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from format.fields import check, up
from format.reader import CHECKSUMS, DURABLE, LayoutError, fnv_1a

HEAD = struct.Struct("=8sIIQQIIIIIIII")
PLACE = struct.Struct("=IIQQqqQQQII")
MAGIC = b"PEGELD\x1a\n"
PAGE = 65536


@dataclass(frozen=True)
class Place:
    sequence: int
    generation: int
    record: bytes | None


@dataclass(frozen=True)
class Durable:
    board: str
    lineage: int
    mode: int
    places: tuple[Place | None, Place | None]

    @property
    def newest(self) -> Place:
        right = [place for place in self.places if place]
        check(right != [], "no place is right")
        return max(right, key=lambda place: place.sequence)


def parts(content: bytes | bytearray) -> tuple[int, int]:
    """Where the head and the first place end."""
    _, _, _, _, _, record_size, _, fields, details, path, *_ = HEAD.unpack_from(content)
    head = HEAD.size + 64 * fields + details + path
    return head, up(PLACE.size + record_size, PAGE)


def read(file: Path) -> Durable:
    content = file.read_bytes()
    check(len(content) >= HEAD.size, f"{len(content)} bytes")
    (
        magic, version, byte_order, lineage, schema_hash, record_size, _, fields, details, _, mode,
        flags, checksum,
    ) = HEAD.unpack_from(content)  # fmt: skip
    check(magic == MAGIC, "magic")
    known = flags & ~CHECKSUMS == DURABLE
    if (version, byte_order) != (1, 0x01020304) or not known:
        raise LayoutError(f"version {version}, byte order {byte_order:#x}, flags {flags:#x}")
    end, size = parts(content)
    table = content[HEAD.size :][: 64 * fields]
    board = content[HEAD.size + 64 * fields + details : end].decode()
    check(checksum == zlib.crc32(content[: HEAD.size - 4] + content[HEAD.size : end]), "head")
    check(fnv_1a(table) == schema_hash, "schema hash")
    first = up(end, PAGE)
    check(len(content) == first + 2 * size, f"{len(content)} bytes")
    places = [
        place(content[start:][:size], checksum, record_size) for start in (first, first + size)
    ]
    return Durable(board, lineage, mode, (places[0], places[1]))


def place(content: bytes, head: int, record_size: int) -> Place | None:
    checksum, records, sequence, generation, *_, length, _ = PLACE.unpack_from(content)
    record = content[PLACE.size : PLACE.size + length]
    right = zlib.crc32(head.to_bytes(4, "little") + content[4 : PLACE.size] + record) == checksum
    if not right or records > 1 or length > record_size:
        return None
    return Place(sequence, generation, record if records else None)


def seal(content: bytearray) -> None:
    """Makes the checksums right, whatever they are of."""
    end, size = parts(content)
    head = zlib.crc32(content[: HEAD.size - 4] + content[HEAD.size : end])
    struct.pack_into("=I", content, HEAD.size - 4, head)
    for start in (up(end, PAGE), up(end, PAGE) + size):
        part = content[start : start + size]
        if len(part) < PLACE.size or not any(part):
            continue
        length = PLACE.unpack_from(part)[-2]
        covered = part[4 : PLACE.size + length]
        struct.pack_into("=I", content, start, zlib.crc32(head.to_bytes(4, "little") + covered))
