"""docs/format.md suffices: a reader made from it reads what Pegel wrote, then and now."""

import json
import shutil
import struct
import time
from pathlib import Path
from typing import Any

import pytest

import pegel
from format.fields import STORED as FIELD
from format.fields import DamagedError, up
from format.live import COPIES, RECORDS
from format.reader import (
    CONTROL_SIZE,
    RESTORED,
    STAMP,
    UNKNOWN,
    EmptyError,
    GoneError,
    LayoutError,
    OverwrittenError,
    Reader,
    fnv_1a,
    this_boot,
)
from format.reader import HEADER as HEADER_FORMAT
from helpers.programs import ROOT, converse, environment, php, python, run

GOLDEN = ROOT / "tests/format/golden"
BOARDS = sorted(file.stem for file in GOLDEN.glob("*.board"))
# The fixture's, and the test's own.
PAIRS = [(board, board) for board in BOARDS]


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A golden board by its name in a directory."""
    board = tmp_path / "pegel.golden"
    shutil.copyfile(GOLDEN / f"{request.param}.board", board)
    board.chmod(0o640)
    return board


def expected(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def plain(values: Any) -> Any:
    """Values as the golden files have them: bytes in hexadecimal, tuples as lists."""
    if isinstance(values, bytes):
        return values.hex()
    if isinstance(values, tuple):
        return list(values)
    return values


def test_there_is_a_board_of_each_kind() -> None:
    kinds = {
        "types",
        "optional",
        "defaults",
        "grown",
        "json",
        "bytes",
        "empty",
        "wrapped",
        "marked",
        "sealed",
        "sealed_json",
    }
    assert kinds == set(BOARDS)


@pytest.mark.parametrize(("place", "name"), PAIRS, indirect=["place"])
def test_the_independent_reader_reads_what_was_written(place: Path, name: str) -> None:
    known = expected(name)
    with Reader(place) as reader:
        assert (reader.description, reader.marked) == (known["description"], known["marked"])
        assert not reader.gone
        if not known["history"]:
            with pytest.raises(EmptyError):
                reader.read()
        for sequence, record in known["history"].items():
            then = reader.read_at(int(sequence))
            values = {field: plain(value) for field, value in then.values.items()}
            assert values.get("document", values) == record
            assert then.generation == (
                0 if name == "optional" and sequence == "1" else known["generation"]
            )
        oldest = known["sequence"] - len(known["history"])
        with pytest.raises(OverwrittenError):
            reader.read_at(oldest)
        with pytest.raises(OverwrittenError):
            reader.read_at(known["sequence"] + 1)
        if known["history"]:
            now = reader.read()
            assert now.sequence == reader.sequence == known["sequence"]
            assert now.age > 0


@pytest.mark.parametrize(("place", "name"), PAIRS, indirect=["place"])
def test_pegel_reads_what_was_written(place: Path, name: str) -> None:
    known = expected(name)
    with pegel.Reader(place.parent / "golden") as reader:
        assert reader.sequence == known["sequence"]
        assert reader.description == known["description"]
        records = {}
        for then in reader.last(100):
            is_document = reader.fields.keys() == {"document"}
            values = (
                plain(then.document) if is_document else {key: plain(then[key]) for key in then}
            )
            records[str(then.sequence)] = values
        assert records == known["history"]


def of_php(value: Any) -> Any:
    """As PHP has it: without integers beyond 64 bits with a sign; empty objects are lists."""
    if isinstance(value, dict):
        return {key: of_php(of) for key, of in value.items()} or []
    if isinstance(value, list):
        return [of_php(of) for of in value]
    return str(value) if isinstance(value, int) and value >= 2**63 else value


@pytest.mark.parametrize("tier", ["cdef", "files"])
@pytest.mark.parametrize(("place", "name"), PAIRS, indirect=["place"])
def test_php_reads_what_was_written(place: Path, name: str, tier: str) -> None:
    program = php("tests/format/golden.php", tier="files" if tier == "files" else "")
    done = run([*program, str(place.parent / "golden")], environment(place.parent))
    assert (done.returncode, done.stderr) == (0, "")
    known = expected(name)
    told = {key: known[key] for key in ("sequence", "description", "history")}
    assert json.loads(done.stdout) == of_php(told)


@pytest.mark.parametrize("place", BOARDS, indirect=True)
def test_both_tell_the_same_of_the_board_and_its_fields(place: Path) -> None:
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        info = reader.info
        assert (other.lineage, other.generation) == (reader.lineage, info.generation)
        assert (other.record_size, other.slot_count) == (info.record_size, info.slots)
        assert [field.name for field in other.fields] == list(reader.fields)
        for field in other.fields:
            own = reader.fields[field.name]
            told = (field.unit, field.label, field.description, field.optional, field.offset)
            assert told == (own.unit, own.label, own.description, own.optional, own.offset)
            assert (field.type.size, field.type.count) == (own.size, own.count)
            limits = (field.default, field.min, field.max)
            assert limits == (plain(own.default), own.min, own.max)


SLACK = 0.05
"""PHP without the library has a clock of hundredths of a second."""


def read_by_files(place: Path) -> float:
    script = """
        require $argv[1];
        echo json_encode(Pegel\\Reader::open($argv[2])->read()->age);
        """
    command = [
        "php",
        "-r",
        script,
        "--",
        str(ROOT / "php-ffi/autoload.php"),
        str(place.parent / "golden"),
    ]
    done = run(command, environment(place.parent) | {"PEGEL_TIER": "files"})
    assert done.returncode == 0, done.stdout + done.stderr
    return float(json.loads(done.stdout))


def stamp_of_first(segment: bytearray) -> int:
    """Where the stamp of sequence 1 begins."""
    slots_offset, _, slot_size, record_size = struct.unpack_from("=4I", segment, 28)
    return int(slots_offset + slot_size + -(-record_size // 8) * 8)


@pytest.mark.parametrize(
    "boot",
    [this_boot(), this_boot() ^ 1, UNKNOWN, RESTORED],
    ids=["this", "another", "unknown", "restored"],
)
@pytest.mark.parametrize("published", [1, 1 << 62], ids=["past", "ahead"])
@pytest.mark.parametrize("wall", [0, 1 << 62], ids=["wall", "wall ahead"])
@pytest.mark.parametrize("place", ["types"], indirect=True)
def test_all_tell_the_same_age(place: Path, published: int, boot: int, wall: int) -> None:
    whole = bytearray(place.read_bytes())
    stamp = stamp_of_first(whole)
    struct.pack_into("=QqQ", whole, stamp, published, wall - published, boot)
    place.write_bytes(whole)
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        before = other.read().age
        between = reader.read().age
        by_files = read_by_files(place)
        assert before <= between <= by_files + SLACK <= other.read().age + 2 * SLACK
        # Nothing is new, whatever the clock on the wall says.
        assert before >= time.clock_gettime(time.CLOCK_BOOTTIME) - 60


@pytest.mark.parametrize("place", ["marked"], indirect=True)
def test_a_marked_board_is_gone_once_its_name_is(place: Path) -> None:
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        assert other.read().sequence == reader.read().sequence == 1
        place.unlink()
        with pytest.raises(GoneError):
            other.read()
        with pytest.raises(GoneError):
            other.read_at(1)
        with pytest.raises(pegel.Gone):
            reader.read()
        # Another file of the same name is not the board that was opened.
        shutil.copyfile(GOLDEN / "types.board", place)
        with pytest.raises(GoneError):
            other.read()


def number(format_: str, value: int) -> bytes:
    return struct.pack(f"={format_}", value)


HEADER = {
    "magic": (0, b"pegel\x1a\r\n", DamagedError),
    "layout_version": (8, number("I", 1), LayoutError),
    "byte_order": (12, number("I", 0x04030201), LayoutError),
    "segment_size": (16, number("Q", 1), DamagedError),
    "control_offset": (24, number("I", 0), DamagedError),
    "slots_offset": (28, number("I", 2**31), DamagedError),
    "slot_count": (32, number("I", 5), DamagedError),
    "slot_size": (36, number("I", 64), DamagedError),
    "record_size": (40, number("I", 2**30), DamagedError),
    "field_count": (44, number("I", 0), DamagedError),
    "schema_hash": (48, number("Q", 1), DamagedError),
    "details_size": (64, number("I", 2**20 + 1), DamagedError),
    "flags": (68, number("I", 8), LayoutError),
    "reserved_end": (127, b"\1", DamagedError),
    "field_name": (128, b"\xc3", DamagedError),
    "field_name_padding": (128 + 31, b"x", DamagedError),
    "field_type": (128 + 48, number("I", 15), DamagedError),
    "field_size": (128 + 52, number("I", 0), DamagedError),
    "field_count_of_elements": (128 + 56, number("I", 2), DamagedError),
    "field_offset": (128 + 60, number("I", 8), DamagedError),
    "details": (128 + 4 * 64, b"[", DamagedError),
}


@pytest.mark.parametrize("what", HEADER)
@pytest.mark.parametrize("place", ["defaults"], indirect=True)
def test_what_is_damaged_is_refused_by_both(place: Path, what: str) -> None:
    offset, damage, error = HEADER[what]
    whole = bytearray(place.read_bytes())
    assert whole[offset : offset + len(damage)] != damage
    whole[offset : offset + len(damage)] = damage
    place.write_bytes(whole)
    with pytest.raises(error):
        Reader(place)
    refusal = pegel.Unsupported if error is LayoutError else pegel.Corrupt
    with pytest.raises(refusal, match=r"pegel\.golden"):
        pegel.Reader(place.parent / "golden")


def told(details: str, board: bytes) -> bytes:
    """A board with other details."""
    header = list(HEADER_FORMAT.unpack_from(board))
    fields_end = HEADER_FORMAT.size + FIELD.size * header[9]
    stored = details.encode()
    control = up(fields_end + len(stored), 64)
    rest = board[header[4] :]
    header[3] = control + len(rest)
    header[4:6] = control, control + CONTROL_SIZE
    header[12] = len(stored)
    fields = board[HEADER_FORMAT.size : fields_end]
    return HEADER_FORMAT.pack(*header) + (fields + stored).ljust(control - 128, b"\0") + rest


@pytest.mark.parametrize(
    "details", ["", "{}", '{"unknown": 1}', '{"fields": {"wind": {"default": null, "other": []}}}']
)
@pytest.mark.parametrize("place", ["defaults"], indirect=True)
def test_details_that_both_take(place: Path, details: str) -> None:
    place.write_bytes(told(details, place.read_bytes()))
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        assert other.read().values["interval"] == reader.read()["interval"] == 5.0
        assert other.fields[0].default is reader.fields["interval"].default is None


BAD_DETAILS = [
    *("[]", "null", "{}{}", "\ufeff{}", "{", '{"description": 1}', '{"description": null}'),
    *('{"description": "\\ud800"}', '{"description": "", "description": ""}', '{"fields": []}'),
]
BAD_DETAILS_OF_FIELDS = [
    *('"absent": {}', '"wind": null', '"wind": {"label": 1}', '"wind": {"label": null}'),
    *('"wind": {"default": "1"}', '"wind": {"default": true}', '"wind": {"default": [1]}'),
    *('"wind": {"default": NaN}', '"wind": {"default": 1e39}', '"wind": {"default": 1e999}'),
    *('"most": {"default": 1.0}', '"most": {"default": -1}', '"most": {"default": 1e2}'),
    *('"most": {"max": 18446744073709551616}', '"rated": {"min": [1, 2]}'),
    *('"rated": {"default": 1}', '"rated": {"default": [1]}', '"rated": {"default": [1, 65536]}'),
    *('"rated": {"default": [9, 1], "min": 2}', '"wind": {"default": 9, "max": 8}'),
    *('"wind": {"min": 2, "max": 1}', '"wind": {"min": 1, "min": 1}'),
]


@pytest.mark.parametrize(
    "details", [*BAD_DETAILS, *(f'{{"fields": {{{of}}}}}' for of in BAD_DETAILS_OF_FIELDS)]
)
@pytest.mark.parametrize("place", ["defaults"], indirect=True)
def test_details_that_both_refuse(place: Path, details: str) -> None:
    place.write_bytes(told(details, place.read_bytes()))
    with pytest.raises(DamagedError):
        Reader(place)
    with pytest.raises(pegel.Corrupt):
        pegel.Reader(place.parent / "golden")


FIELDS = {
    "two of a name": (64, b"interval\0"),
    "a digit first": (0, b"1"),
    "bytes behind a name": (31, b"x"),
    "bytes behind a unit": (32 + 3, b"x"),
    "no UTF-8 in a unit": (32, b"\xff"),
    "a type beyond the last": (48, number("I", 15)),
    "a size that is not the type's": (52, number("I", 4)),
    "no elements": (56, number("I", 0)),
    "too many elements": (56, number("I", 2**32 - 1)),
    "another place": (64 + 60, number("I", 16)),
    "a document beside others": (3 * 64 + 48, number("I", 14)),
}


@pytest.mark.parametrize("what", FIELDS)
@pytest.mark.parametrize("place", ["optional"], indirect=True)
def test_fields_that_both_refuse(place: Path, what: str) -> None:
    """The hash is right, so it is the field that is refused; and the details name no field."""
    offset, damage = FIELDS[what]
    whole = bytearray(told("", place.read_bytes()))
    whole[128 + offset : 128 + offset + len(damage)] = damage
    struct.pack_into("=Q", whole, 48, fnv_1a(bytes(whole[128 : 128 + 4 * 64])))
    place.write_bytes(whole)
    with pytest.raises(DamagedError):
        Reader(place)
    with pytest.raises(pegel.Corrupt):
        pegel.Reader(place.parent / "golden")


@pytest.mark.parametrize("length", [0, 1, 2**64 - 1])
@pytest.mark.parametrize("place", ["types"], indirect=True)
def test_a_length_that_both_refuse(place: Path, length: int) -> None:
    whole = bytearray(place.read_bytes())
    struct.pack_into("=Q", whole, stamp_of_first(whole) + STAMP.size - 8, length)
    place.write_bytes(whole)
    with Reader(place) as other, pytest.raises(DamagedError):
        other.read()
    with pegel.Reader(place.parent / "golden") as reader, pytest.raises(pegel.Corrupt):
        reader.read()


@pytest.mark.parametrize("offset", [57, 72, 80, 83, 128, 300])
@pytest.mark.parametrize("place", ["sealed"], indirect=True)
def test_a_checksum_of_the_header_that_both_refuse(place: Path, offset: int) -> None:
    whole = bytearray(place.read_bytes())
    whole[offset] ^= 1
    place.write_bytes(whole)
    with pytest.raises(DamagedError):
        Reader(place)
    with pytest.raises(pegel.Corrupt):
        pegel.Reader(place.parent / "golden")


@pytest.mark.parametrize("offset", [0, 7, 8, 9, 12, *range(16, 64)])
@pytest.mark.parametrize("place", ["sealed"], indirect=True)
def test_a_checksum_that_both_refuse(place: Path, offset: int) -> None:
    whole = bytearray(place.read_bytes())
    slots_offset, _, slot_size = struct.unpack_from("=3I", whole, 28)
    whole[slots_offset + 2 * slot_size + offset] ^= 1
    place.write_bytes(whole)
    with Reader(place) as other, pytest.raises(DamagedError):
        other.read()
    with pegel.Reader(place.parent / "golden") as reader:
        with pytest.raises(pegel.Corrupt):
            reader.read()
        assert reader.read_at(5)["level"] == 5.0


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 1279])
@pytest.mark.parametrize("place", ["defaults"], indirect=True)
def test_what_is_cut_off_is_refused_by_both(place: Path, size: int) -> None:
    place.write_bytes(place.read_bytes()[:size])
    with pytest.raises(DamagedError):
        Reader(place)
    with pytest.raises(pegel.Corrupt):
        pegel.Reader(place.parent / "golden")


def test_a_live_board_is_read_whole(tmp_path: Path) -> None:
    command = [*python("tests/format/live.py"), str(tmp_path / "live")]
    with converse(command, environment(tmp_path)) as writer:
        assert writer.hear() == "ready"
        with Reader(tmp_path / "pegel.live") as reader:
            seen: set[int] = set()
            reads = 0
            while reads < 3000 or len(seen) < 100:
                now = reader.read()
                count = now.sequence % RECORDS
                copies = [count] * COPIES
                assert now.values == {"count": count, "negative": -count, "copies": copies}
                seen.add(now.sequence)
                reads += 1
