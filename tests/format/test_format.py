"""docs/format.md suffices: a reader made from it reads what Pegel wrote, then and now."""

import json
import shutil
import struct
import time
from pathlib import Path
from typing import Any

import pytest

import pegel
from format.live import COPIES, RECORDS
from format.reader import (
    RESTORED,
    UNKNOWN,
    EmptyError,
    GoneError,
    OverwrittenError,
    Reader,
    this_boot,
)
from format.values import of_php, plain
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


@pytest.mark.parametrize("tier", ["cdef", "files"])
@pytest.mark.parametrize(("place", "name"), PAIRS, indirect=["place"])
def test_php_reads_what_was_written(place: Path, name: str, tier: str) -> None:
    program = php("tests/format/golden.php", tier="files" if tier == "files" else "")
    done = run([*program, str(place.parent / "golden")], environment(place.parent))
    assert (done.returncode, done.stderr) == (0, "")
    known = expected(name)
    written = {key: known[key] for key in ("sequence", "description", "history")}
    assert json.loads(done.stdout) == of_php(written)


@pytest.mark.parametrize("place", BOARDS, indirect=True)
def test_both_agree_on_the_board_and_its_fields(place: Path) -> None:
    with Reader(place) as other, pegel.Reader(place.parent / "golden") as reader:
        info = reader.info
        assert (other.lineage, other.generation) == (reader.lineage, info.generation)
        assert (other.record_size, other.slot_count) == (info.record_size, info.slots)
        assert [field.name for field in other.fields] == list(reader.fields)
        for field in other.fields:
            own = reader.fields[field.name]
            seen = (field.unit, field.label, field.description, field.optional, field.offset)
            assert seen == (own.unit, own.label, own.description, own.optional, own.offset)
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
def test_all_agree_on_the_age(place: Path, published: int, boot: int, wall: int) -> None:
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


@pytest.mark.parametrize("place", ["sealed"], indirect=True)
def test_a_damaged_record_leaves_the_others_readable(place: Path) -> None:
    whole = bytearray(place.read_bytes())
    slots_offset, _, slot_size = struct.unpack_from("=3I", whole, 28)
    whole[slots_offset + 2 * slot_size] ^= 1
    place.write_bytes(whole)
    with pegel.Reader(place.parent / "golden") as reader:
        with pytest.raises(pegel.Corrupt):
            reader.read()
        assert reader.read_at(5)["level"] == 5.0


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
