"""Makes the conformance kit anew: PYTHONPATH=tests python tests/format/make_conformance.py

Each case is a golden board, or a durable file, of which one thing was changed.
"""

import gzip
import json
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from format.durable import HEAD, SLOT, parts, seal
from format.fields import STORED as FIELD
from format.fields import up
from format.reader import CONTROL_SIZE, STAMP, fnv_1a
from format.reader import HEADER as HEADER_FORMAT

HERE = Path(__file__).parent
GOLDEN, KIT = HERE / "golden", HERE / "conformance"
CORRUPT, UNSUPPORTED, EMPTY, OK = "CORRUPT", "UNSUPPORTED", "EMPTY", "OK"

Bytes = bytes | bytearray
Case = dict[str, Any]


def number(code: str, value: int) -> bytes:
    return struct.pack(f"={code}", value)


def with_bytes(board: Bytes, offset: int, data: bytes) -> bytearray:
    changed = bytearray(board)
    assert changed[offset : offset + len(data)] != data, "this changes nothing"
    changed[offset : offset + len(data)] = data
    return changed


def with_details(board: Bytes, details: str) -> bytearray:
    header = list(HEADER_FORMAT.unpack_from(board))
    fields_end = HEADER_FORMAT.size + FIELD.size * header[9]
    stored = details.encode(errors="surrogatepass")
    control = up(fields_end + len(stored), 64)
    rest = board[header[4] :]
    header[3] = control + len(rest)
    header[4:6] = control, control + CONTROL_SIZE
    header[12] = len(stored)
    fields = board[HEADER_FORMAT.size : fields_end]
    return bytearray(
        HEADER_FORMAT.pack(*header) + (fields + stored).ljust(control - 128, b"\0") + rest
    )


def with_field(board: Bytes, offset: int, data: bytes) -> bytearray:
    """With other bytes in the field table, the hash of it, and no details, which name fields."""
    changed = with_bytes(with_details(board, ""), 128 + offset, data)
    fields = struct.unpack_from("=I", changed, 44)[0]
    struct.pack_into("=Q", changed, 48, fnv_1a(bytes(changed[128 : 128 + 64 * fields])))
    return changed


def slot_of(board: Bytes, sequence: int) -> int:
    slots, count, size = struct.unpack_from("=3I", board, 28)
    return int(slots + sequence % count * size)


def stamp_of(board: Bytes, sequence: int) -> int:
    return slot_of(board, sequence) + up(int(struct.unpack_from("=I", board, 40)[0]), 8)


HEADER = {
    "the magic": (0, b"pegel\x1a\r\n", CORRUPT),
    "an earlier layout version": (8, number("I", 1), UNSUPPORTED),
    "a later layout version": (8, number("I", 3), UNSUPPORTED),
    "the other byte order": (12, number("I", 0x04030201), UNSUPPORTED),
    "segment_size": (16, number("Q", 1), CORRUPT),
    "control_offset": (24, number("I", 0), CORRUPT),
    "slots_offset": (28, number("I", 2**31), CORRUPT),
    "slot_count is not a power of two": (32, number("I", 5), CORRUPT),
    "slot_count is below 4": (32, number("I", 2), CORRUPT),
    "slot_count is above 65536": (32, number("I", 2**17), CORRUPT),
    "slot_size": (36, number("I", 64), CORRUPT),
    "record_size": (40, number("I", 2**30), CORRUPT),
    "no fields": (44, number("I", 0), CORRUPT),
    "more than 4096 fields": (44, number("I", 4097), CORRUPT),
    "schema_hash": (48, number("Q", 1), CORRUPT),
    "details_size is too large": (64, number("I", 2**20 + 1), CORRUPT),
    "details_size of another board": (64, number("I", 64), CORRUPT),
    "an unknown flag": (68, number("I", 8), UNSUPPORTED),
    "the highest flag": (68, number("I", 2**31), UNSUPPORTED),
    "a checksum without the flag": (80, number("I", 1), CORRUPT),
    "the first of the zeros": (84, b"\1", CORRUPT),
    "the last of the zeros": (127, b"\1", CORRUPT),
    "a name that the hash does not cover": (128, b"j", CORRUPT),
}
FIELDS = {
    "two fields of one name": (64, b"interval\0"),
    "a name that begins with a digit": (0, b"1"),
    "a name with a space": (1, b" "),
    "an empty name": (0, bytes(8)),
    "bytes after a name": (31, b"x"),
    "bytes after a unit": (32 + 3, b"x"),
    "a unit that is not UTF-8": (32, b"\xff"),
    "type 0": (48, number("I", 0)),
    "a type beyond the last": (48, number("I", 15)),
    "a bit above optional": (48, number("I", 11 + 512)),
    "a size that is not the type's": (52, number("I", 4)),
    "size 0": (52, number("I", 0)),
    "count 0": (56, number("I", 0)),
    "too many elements": (56, number("I", 2**32 - 1)),
    "an offset in the middle": (64 + 60, number("I", 16)),
    "offset 0 of another field than the first": (64 + 60, number("I", 0)),
    "a document beside other fields": (3 * 64 + 48, number("I", 14)),
}
GOOD_DETAILS = {
    "an empty object": "{}",
    "unknown members": '{"unknown": 1, "fields": {"wind": {"other": []}}}',
    "unknown members twice": '{"x": 1, "x": 2, "fields": {"wind": {"y": {"z": 1, "z": 2}}}}',
    "an unknown member 100 deep": '{"x": ' + "[" * 100 + "]" * 100 + "}",
    "an unknown member with half of a surrogate pair": '{"x": "\\ud800"}',
    "null for default and limits": (
        '{"fields": {"wind": {"default": null, "min": null, "max": null}}}'
    ),
    "NUL in a label": '{"fields": {"wind": {"label": "a\\u0000b"}}}',
    "an integer where f32 is asked for": '{"fields": {"wind": {"default": 3}}}',
    "-0 for a float": '{"fields": {"wind": {"default": -0}}}',
}
BAD_DETAILS = {
    "an array": "[]",
    "null": "null",
    "two objects": "{}{}",
    "a byte order mark": "\ufeff{}",
    "no end": "{",
    "not UTF-8": "\udcff",
    "a description that is not a text": '{"description": 1}',
    "a description that is null": '{"description": null}',
    "half of a surrogate pair": '{"description": "\\ud800"}',
    "two descriptions": '{"description": "", "description": ""}',
    "fields that are an array": '{"fields": []}',
}
BAD_DETAILS_OF_FIELDS = {
    "a name that is not a field": '"absent": {}',
    "null for a field": '"wind": null',
    "a field twice": '"wind": {"label": "a"}, "wind": {"label": "b"}',
    "a label that is not a text": '"wind": {"label": 1}',
    "a label that is null": '"wind": {"label": null}',
    "a text for a number": '"wind": {"default": "1"}',
    "true for a number": '"wind": {"default": true}',
    "an array for one number": '"wind": {"default": [1]}',
    "NaN": '"wind": {"default": NaN}',
    "beyond f32": '"wind": {"default": 1e39}',
    "beyond f64": '"wind": {"default": 1e999}',
    "a fraction for an integer": '"most": {"default": 1.0}',
    "an exponent for an integer": '"most": {"default": 1e2}',
    "-0 for an integer": '"most": {"default": -0}',
    "below u64": '"most": {"default": -1}',
    "above u64": '"most": {"max": 18446744073709551616}',
    "an array for a limit": '"rated": {"min": [1, 2]}',
    "one number for an array": '"rated": {"default": 1}',
    "too short an array": '"rated": {"default": [1]}',
    "an element beyond its type": '"rated": {"default": [1, 65536]}',
    "an element below min": '"rated": {"default": [9, 1], "min": 2}',
    "a default above max": '"wind": {"default": 9, "max": 8}',
    "min above max": '"wind": {"min": 2, "max": 1}',
    "min twice": '"wind": {"min": 1, "min": 1}',
}


def header_cases() -> Iterator[Case]:
    base = (GOLDEN / "defaults.board").read_bytes()
    for rule, (offset, data, verdict) in HEADER.items():
        yield case(f"header: {rule}", with_bytes(base, offset, data), verdict)
    for size in (0, 1, 127, 128, 300, len(base) - 1):
        yield case(f"file: {size} of {len(base)} bytes", base[:size], CORRUPT)
    yield case("file: a byte too many", base + b"\0", CORRUPT)
    later = with_bytes(base, 8, number("I", 3))
    yield case("order: a later version of less than a header", later[:16], CORRUPT)
    yield case("order: another magic before a later version", b"X" + later[1:], CORRUPT)
    flagged = with_bytes(with_bytes(base, 68, number("I", 8)), 48, number("Q", 1))
    yield case("order: an unknown flag before a wrong hash", flagged, UNSUPPORTED)
    yield good("ranges: lineage 0", "defaults", with_bytes(base, 72, number("Q", 0)))
    sealed = (GOLDEN / "sealed.board").read_bytes()
    for offset in (57, 72, 80, 83, 128, 300):
        changed = with_bytes(sealed, offset, bytes([sealed[offset] ^ 1]))
        yield case(f"header: byte {offset} against the checksum", changed, CORRUPT)


def field_cases() -> Iterator[Case]:
    base = (GOLDEN / "optional.board").read_bytes()
    for rule, (offset, data) in FIELDS.items():
        yield case(f"field table: {rule}", with_field(base, offset, data), CORRUPT)
    yield good("field table: without details", "optional", with_details(base, ""))


def detail_cases() -> Iterator[Case]:
    base = (GOLDEN / "defaults.board").read_bytes()
    for rule, details in GOOD_DETAILS.items():
        level = "full" if "surrogate" in rule else "minimal"
        yield good(f"details: {rule}", "defaults", with_details(base, details)) | {"level": level}
    nulls = '{"fields": {"flag": {"min": null}, "note": {"default": null, "max": null}}}'
    types = (GOLDEN / "types.board").read_bytes()
    yield good("details: null for what a type cannot have", "types", with_details(types, nulls))
    bad = BAD_DETAILS | {
        rule: f'{{"fields": {{{of}}}}}' for rule, of in BAD_DETAILS_OF_FIELDS.items()
    }
    for rule, details in bad.items():
        if rule == "not UTF-8":
            board = with_details(base, "{ }")
            board[128 + 4 * 64 + 1] = 0xFF
        else:
            board = with_details(base, details)
        yield case(f"details: {rule}", board, CORRUPT, level="full")


def record_cases() -> Iterator[Case]:
    types = (GOLDEN / "types.board").read_bytes()
    stamp = stamp_of(types, 1)
    for length in (0, 1, 2**32 - 1):
        changed = with_bytes(types, stamp + 40, number("I", length))
        yield case(f"record: length {length} of a record of fields", changed, CORRUPT)
    document = (GOLDEN / "json.board").read_bytes()
    changed = with_bytes(document, stamp_of(document, 1) + 40, number("I", 301))
    yield case("record: a document above its capacity", changed, CORRUPT)
    control = struct.unpack_from("=I", types, 24)[0]
    based = with_bytes(types, 56, number("Q", 2))
    yield case("control block: head below base_sequence", based, CORRUPT)
    yield case("control block: head is base_sequence", with_bytes(types, 56, number("Q", 1)), EMPTY)
    changed = with_bytes(types, stamp + 32, number("Q", 2**63))
    yield good("record: a bit of present that no field has", "types", changed)
    changed = with_bytes(types, control + 64, number("Q", 0))
    yield good("control block: generation 0", "types", changed)
    changed = with_bytes(types, control, number("Q", 3))
    yield good("control block: an odd head, while the name refers to the file", "types", changed)
    changed = with_bytes(types, control + 8, b"padding")
    yield good("control block: padding", "types", changed)
    note = next(of for of in range(128, 128 + 64 * 15, 64) if types[of : of + 5] == b"note\0")
    offset = slot_of(types, 1) + struct.unpack_from("=I", types, note + 60)[0]
    changed = with_bytes(types, offset, bytes.fromhex("61ffc3f09f9862"))
    yield good("record: a text that is not UTF-8", "types", changed, note="a\ufffd\ufffd\ufffdb")
    flag = slot_of(types, 1)
    yield good("record: a bool of 2", "types", with_bytes(types, flag, b"\2"), flag=True)
    sealed = (GOLDEN / "sealed.board").read_bytes()
    newest = slot_of(sealed, 6)
    for offset in (0, 7, 8, 9, 12, *range(16, 64)):
        changed = with_bytes(sealed, newest + offset, bytes([sealed[newest + offset] ^ 1]))
        yield case(f"record: byte {offset} against the checksum", changed, CORRUPT)
    timeless = bytearray(sealed)
    struct.pack_into("=qqQ", timeless, stamp_of(sealed, 6), 0, 0, 0)
    size = struct.unpack_from("=I", sealed, 40)[0]
    covered = timeless[newest : newest + size] + timeless[stamp_of(sealed, 6) :][:44]
    checksum = zlib.crc32(bytes(covered) + number("Q", 6))
    struct.pack_into("=I", timeless, stamp_of(sealed, 6) + 44, checksum)
    yield good("record: without a time, on a board with checksums", "sealed", timeless)


def durable_cases() -> Iterator[Case]:
    base = durable_file()
    first = up(parts(base)[0], 65536)
    size = parts(base)[1]
    record = expected("sealed", 6)

    def changed(change: Callable[[bytearray], None]) -> bytes:
        content = bytearray(base)
        change(content)
        seal(content)
        assert content != base, "this changes nothing"
        return bytes(content)

    def packed(code: str, offset: int, value: int) -> bytes:
        return changed(lambda content: struct.pack_into(f"={code}", content, offset, value))

    def durable(rule: str, content: bytes, verdict: str, **more: Any) -> Case:
        return case(f"durable: {rule}", content, verdict, level="durable", **more)

    newest = {"sequence": 6, "record": record}
    older = {"sequence": 5, "record": expected("sealed", 5)}
    yield durable("two records", base, OK, **newest)
    torn = bytearray(base)
    torn[first + size + 80] ^= 1
    yield durable("the newer one is torn", bytes(torn), OK, **older)
    both = bytearray(torn)
    both[first + 80] ^= 1
    yield durable("both are torn", bytes(both), CORRUPT)
    alone = base[: first + size] + bytes(size)
    yield durable("the second slot was never written", alone, OK, **older)
    yield durable("padding in a slot", base[:-1] + b"x", OK, **newest)
    for rule, code, offset, value in (
        ("records 2", "I", 4, 2),
        ("records 0 with a length", "I", 4, 0),
        ("sequence 0", "Q", 8, 0),
        ("sequence 2^63", "Q", 8, 2**63),
        ("a length that is short", "I", SLOT.size - 8, 3),
    ):
        slot = first + size + offset
        yield durable(f"a slot with {rule} does not count", packed(code, slot, value), OK, **older)
    # A length beyond the file cannot have a right checksum.
    long = bytearray(base)
    struct.pack_into("=I", long, first + size + SLOT.size - 8, 2**32 - 1)
    yield durable("a slot with a length beyond the file", bytes(long), OK, **older)
    same = packed("Q", first + size + 8, 5)
    yield durable("two slots of one sequence: the first", same, OK, **older)
    for rule, code, offset, value, verdict in (
        ("a later version", "I", 8, 2, UNSUPPORTED),
        ("the other byte order", "I", 12, 0x04030201, UNSUPPORTED),
        ("schema_hash", "Q", 24, 1, CORRUPT),
        ("record_size", "I", 32, 24, CORRUPT),
        ("slot_count", "I", 36, 5, CORRUPT),
        ("mode 01000", "I", 52, 0o1000, CORRUPT),
        ("flags 0", "I", 56, 0, UNSUPPORTED),
        ("flags 6", "I", 56, 6, UNSUPPORTED),
        ("flags 10", "I", 56, 10, UNSUPPORTED),
    ):
        yield durable(rule, packed(code, offset, value), verdict)
    yield durable("the magic", b"X" + base[1:], CORRUPT)
    yield durable("less than a file header", base[:63], CORRUPT)
    yield durable("a byte too few", base[:-1], CORRUPT)
    yield durable("a byte too many", base + b"\0", CORRUPT)
    wrong = bytearray(base)
    wrong[60] ^= 1
    yield durable("the checksum of the file header", bytes(wrong), CORRUPT)
    path = bytearray(base)
    struct.pack_into("=I", path, 48, 4097)
    yield durable("a path of 4097 bytes", bytes(path), CORRUPT)


def durable_file() -> bytes:
    """That of the board `sealed`, with its records 5 and 6."""
    board = (GOLDEN / "sealed.board").read_bytes()
    header = HEADER_FORMAT.unpack_from(board)
    slot_count, record_size, fields, schema_hash = header[6], header[8], header[9], header[10]
    details_size, lineage = header[12], header[14]
    path = b"/dev/shm/sealed"
    table = board[128 : 128 + 64 * fields + details_size]
    head = HEAD.pack(
        b"PEGELD\x1a\n", 1, 0x01020304, lineage, schema_hash, record_size, slot_count, fields,
        details_size, len(path), 0o640, 3, 0,
    )  # fmt: skip
    content = bytearray((head + table + path).ljust(65536, b"\0"))
    for sequence in (5, 6):
        record = board[slot_of(board, sequence) :][:record_size]
        stamp = board[stamp_of(board, sequence) :][: STAMP.size - 4] + bytes(4)
        start = struct.pack("=IIQQ", 0, 1, sequence, 2) + stamp
        content += (start + record).ljust(65536, b"\0")
    seal(content)
    return bytes(content)


def expected(golden: str, sequence: int) -> Any:
    known = json.loads((GOLDEN / f"{golden}.json").read_text(encoding="utf-8"))
    return known["history"][str(sequence)]


def case(rule: str, content: Bytes, verdict: str, level: str = "minimal", **more: Any) -> Case:
    return {"rule": rule, "verdict": verdict, "level": level, "content": bytes(content)} | more


def good(rule: str, golden: str, content: Bytes, **values: Any) -> Case:
    known = json.loads((GOLDEN / f"{golden}.json").read_text(encoding="utf-8"))
    record = expected(golden, known["sequence"])
    if values:
        record |= values
    return case(rule, content, OK, sequence=known["sequence"], record=record)


def golden_cases() -> Iterator[Case]:
    for file in sorted(GOLDEN.glob("*.board")):
        known = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        content, rule = file.read_bytes(), f"golden: {file.stem}"
        has_record = bool(known["history"])
        yield good(rule, file.stem, content) if has_record else case(rule, content, EMPTY)


def main() -> None:
    shutil.rmtree(KIT, ignore_errors=True)
    KIT.mkdir()
    written: list[Case] = []
    for cases in (
        golden_cases,
        header_cases,
        field_cases,
        detail_cases,
        record_cases,
        durable_cases,
    ):
        for number_, one in enumerate(cases(), 1):
            content = one.pop("content")
            is_durable = one["level"] == "durable"
            suffix = "durable.gz" if is_durable else "board"
            name = f"{cases.__name__.removesuffix('_cases')}-{number_:02}.{suffix}"
            (KIT / name).write_bytes(gzip.compress(content, mtime=0) if is_durable else content)
            written.append({"file": name} | one)
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in written)
    (KIT / "cases.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
