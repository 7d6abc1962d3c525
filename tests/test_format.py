"""docs/format.md suffices: a reader made from it reads what Pegel wrote, then and now."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

import pegel
from format.fields import DamagedError
from format.reader import EmptyError, LayoutError, OverwrittenError, Reader
from programs import ROOT, converse, environment, python

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
    kinds = {"types", "optional", "defaults", "grown", "json", "bytes", "empty", "wrapped"}
    assert kinds <= set(BOARDS)


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


@pytest.mark.parametrize("place", ["defaults"], indirect=True)
def test_both_tell_the_same_of_fields(place: Path) -> None:
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        assert [field.name for field in other.fields] == list(reader.fields)
        for field in other.fields:
            own = reader.fields[field.name]
            told = (field.unit, field.label, field.description, field.optional, field.offset)
            assert told == (own.unit, own.label, own.description, own.optional, own.offset)
            limits = (field.default, field.min, field.max)
            assert limits == (plain(own.default), own.min, own.max)


def number(format_: str, value: int) -> bytes:
    return struct.pack(f"={format_}", value)


HEADER = {
    "magic": (0, b"pegel\x1a\r\n", DamagedError),
    "layout_version": (8, number("I", 2), LayoutError),
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
    "reserved": (68, number("I", 1), DamagedError),
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
            seen = set()
            for _ in range(3000):
                values = reader.read().values
                count = values["count"]
                assert values == {
                    "count": count,
                    "negative": -count,
                    "copies": [count % 2**32] * 60,
                }
                seen.add(count)
            assert len(seen) > 100
