"""Records that do not fit their board: the same status in each language, and nothing published."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers import header
from helpers.programs import built, converse, environment, php, run

FIELDS = {
    "level": pegel.f64("m"),
    "rain": pegel.bool_(),
    "small": pegel.i8(),
    "count": pegel.u8(),
    "big": pegel.i64(),
    "total": pegel.u64(),
    "volts": pegel.f32("V", count=2),
    "note": pegel.text(24),
}
RECORD: dict[str, Any] = {
    "level": 3.25,
    "rain": True,
    "small": -1,
    "count": 1,
    "big": -1,
    "total": 1,
    "volts": [0.5, 1.5],
    "note": "rising",
}

# What is changed in the record, the error, and what its message names.
REFUSED: tuple[tuple[dict[str, Any], type[pegel.Error], str], ...] = (
    ({"depth": 1.0}, pegel.InvalidFields, "depth"),
    ({"level": "high"}, pegel.InvalidFields, "level must be f64"),
    ({"level": True}, pegel.InvalidFields, "level must be f64"),
    ({"level": None}, pegel.InvalidFields, "level"),
    ({"level": [1.0]}, pegel.InvalidFields, "level"),
    ({"rain": 1}, pegel.InvalidFields, "rain must be bool"),
    ({"rain": "true"}, pegel.InvalidFields, "rain must be bool"),
    ({"small": 128}, pegel.InvalidFields, "small must be i8, -128 to 127 (got 128)"),
    ({"small": -129}, pegel.InvalidFields, "small must be i8, -128 to 127 (got -129)"),
    ({"small": 1.5}, pegel.InvalidFields, "small must be i8"),
    ({"small": "1"}, pegel.InvalidFields, "small must be i8"),
    ({"small": True}, pegel.InvalidFields, "small must be i8"),
    ({"count": -1}, pegel.InvalidFields, "count must be u8, 0 to 255 (got -1)"),
    ({"count": 256}, pegel.InvalidFields, "count must be u8, 0 to 255 (got 256)"),
    ({"big": 2**63}, pegel.InvalidFields, "big"),
    ({"total": -1}, pegel.InvalidFields, "total must be u64, 0 to 18446744073709551615 (got -1)"),
    ({"total": 2**64}, pegel.InvalidFields, "total"),
    ({"volts": 1.0}, pegel.InvalidFields, "volts must be"),
    ({"volts": [1.0]}, pegel.InvalidFields, "volts must be"),
    ({"volts": [1.0, 2.0, 3.0]}, pegel.InvalidFields, "volts must be"),
    ({"volts": [1.0, "2"]}, pegel.InvalidFields, "volts must be f32"),
    ({"volts": {"a": 1.0, "b": 2.0}}, pegel.InvalidFields, "volts"),
    ({"note": 3}, pegel.InvalidFields, "note must be text"),
    ({"note": "x" * 25}, pegel.TooLarge, "note: the text must have at most 24 bytes (got 25)"),
    ({"note": "ä" * 13}, pegel.TooLarge, "note: the text must have at most 24 bytes (got 26)"),
    ({"note": "a\0b"}, pegel.InvalidFields, "note: text must not contain NUL"),
)
ACCEPTED: tuple[dict[str, Any], ...] = (
    {"level": 3, "volts": [1, -2]},
    {"total": 2**63 - 1, "big": -(2**63), "small": -128, "count": 255},
    {"note": "ä" * 12},
    {"note": ""},
)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    with pegel.Writer(tmp_path / "all", FIELDS) as writer:
        writer.publish(RECORD)
    return tmp_path / "all"


def published(board: Path) -> tuple[int, dict[str, Any]]:
    now = pegel.Reader(board).read()
    return now.sequence, {**now, "volts": list(now["volts"])}


def test_python_refuses(board: Path) -> None:
    with pegel.Writer.open(board) as writer:
        for change, error, message in REFUSED:
            with pytest.raises(error) as caught:
                writer.publish(RECORD | change)
            assert message in str(caught.value)
            assert "board all" in str(caught.value)
        for missing in RECORD:
            with pytest.raises(pegel.InvalidFields, match=f"field {missing} .* is missing"):
                writer.publish({name: RECORD[name] for name in RECORD if name != missing})
        assert published(board) == (1, RECORD)
        for sequence, change in enumerate(ACCEPTED, 2):
            writer.publish(RECORD | change)
            assert published(board) == (sequence, RECORD | change)


def test_php_refuses(board: Path) -> None:
    command = [*php("tests/safety/refusals/publish.php"), str(board)]
    with converse(command, environment(board.parent)) as program:
        for change, error, message in REFUSED:
            code, text = program.ask(json.dumps(RECORD | change)).split("\t")
            assert int(code) == error.code, text
            assert message in text
            assert "all" in text
        for missing in RECORD:
            record = {name: RECORD[name] for name in RECORD if name != missing}
            code, text = program.ask(json.dumps(record)).split("\t")
            assert (int(code), f"field {missing} " in text) == (11, True), text
        assert published(board) == (1, RECORD)
        for sequence, change in enumerate(ACCEPTED, 2):
            assert program.ask(json.dumps(RECORD | change)) == "0\t"
            assert published(board) == (sequence, RECORD | change)


# As above, but the program takes text.
PROGRAM_REFUSES = (
    ("depth=1", "depth"),
    ("level=high", "level must be f64"),
    ("level=", "level must be f64"),
    ("level=1e999", "level is too large for f64"),
    ("level.0=1", "level is not an array"),
    ("rain=1", "rain must be true or false"),
    ("small=128", "small must be i8"),
    ("small=1.5", "small must be i8"),
    ("count=-1", "count must be u8"),
    (f"big={2**63}", "big must be i64"),
    (f"total={2**64}", "total must be u64"),
    ("volts=1", "volts must be an array of 2 f32"),
    ("volts=1,2,3", "volts must be an array of 2 f32"),
    ("volts=1,high", "volts must be f32"),
    ("volts.2=1", "(got volts.2)"),
    (f"note={'x' * 25}", "note: the text must have at most 24 bytes (got 25)"),
    (f"note={'ä' * 13}", "note: the text must have at most 24 bytes (got 26)"),
)
PROGRAM_ACCEPTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("level=inf", {"level": math.inf}),
    ("level=-inf", {"level": -math.inf}),
    (f"total={2**64 - 1}", {"total": 2**64 - 1}),
    (f"note={'ä' * 12}", {"note": "ä" * 12}),
    ("note=", {"note": ""}),
)


def test_the_program_refuses(board: Path) -> None:
    def assign(assignment: str) -> tuple[int, str, str]:
        command = [str(built("target/release/pegel")), "set", str(board), assignment]
        done = run(command, environment(board.parent))
        return done.returncode, done.stdout, done.stderr

    for assignment, message in PROGRAM_REFUSES:
        status, output, complaint = assign(assignment)
        assert (status, output, message in complaint) == (1, "", True), complaint
        assert "board all" in complaint
    assert published(board) == (1, RECORD)
    assert assign("level")[0] == 2
    record = RECORD
    for sequence, (assignment, change) in enumerate(PROGRAM_ACCEPTS, 2):
        assert assign(assignment) == (0, "", "")
        record = record | change
        assert published(board) == (sequence, record)
    assert assign("level=nan") == (0, "", "")
    assert math.isnan(pegel.Reader(board).read()["level"])


def test_documents_beyond_the_capacity(tmp_path: Path) -> None:
    board = tmp_path / "document"
    too_long, longest = json.dumps("x" * 63), json.dumps("x" * 62)
    with pegel.Writer(board, pegel.json(64)) as writer:
        with pytest.raises(pegel.TooLarge, match=r"at most 64 bytes .got 65"):
            writer.publish(json.loads(too_long))
        for nothing in (float("nan"), object(), {"a": {1}}):
            with pytest.raises(pegel.InvalidArgument, match="not valid JSON"):
                writer.publish(nothing)
        assert writer.publish(json.loads(longest)) == 1
    command = [*php("tests/safety/refusals/publish.php"), str(board)]
    with converse(command, environment(tmp_path)) as program:
        code, text = program.ask(too_long).split("\t")
        assert int(code) == pegel.TooLarge.code
        assert "got 65" in text
        assert program.ask(longest) == "0\t"
    assert pegel.Reader(board).read().sequence == 2


C_REFUSES = {
    "empty name": (11, "must be an identifier"),
    "bad name": (11, '"1st"'),
    "name without end": (11, "31 bytes"),
    "no type": (11, "no type has number 0"),
    "unknown type": (11, "no type has number 15"),
    "text without size": (11, "note: text needs a size"),
    "other size": (11, "f64 must have 8 bytes (got 4)"),
    "other offset": (11, "the offset must be 0 (got 4)"),
    "too many elements": (11, "got 34359738360"),
    "unit without end": (11, "15 bytes"),
    "unit that is not UTF-8": (11, "UTF-8"),
    "twice": (11, "two fields are called level"),
    "document among fields": (11, "only field"),
    "no fields": (11, "1 to 4096 fields (got 0)"),
    "fields NULL": (10, "argument fields must not be NULL"),
    "size NULL": (10, "argument record_size must not be NULL"),
    "options without size": (10, "size of at least 4 bytes (got 0). Set it to sizeof."),
    "5 slots": (10, "5 slots"),
    "mode 0666": (10, "(got mode 0666)"),
    "unknown flag": (10, "argument options has unknown flags (got 0x80000000). Update libpegel."),
    "board NULL": (10, "argument board must not be NULL"),
    "writer NULL": (10, "argument writer must not be NULL"),
    "options of a newer program": (10, "(got 40 bytes, known 32). Update libpegel."),
    "newer options that are zero": (10, "3 slots"),
    "record too long": (12, "a record must have at most 16 bytes (got 24)"),
    "record too short": (10, "a record must have 16 bytes (got 8)"),
    "record NULL": (10, "argument record must not be NULL"),
    "publish by NULL": (10, "argument writer must not be NULL"),
    "good record": (0, ""),
    "buffer too small": (12, "the buffer must have 16 bytes (got 15)"),
    "buffer NULL": (10, "argument record must not be NULL"),
    "read by NULL": (10, "argument reader must not be NULL"),
    "stamp without size": (10, "argument stamp must have a size of at least 4 bytes (got 0)"),
    "info without size": (10, "argument info must have a size of at least 4 bytes (got 0)"),
    "unknown field": (20, '"depth". The fields are level, flow'),
    "no room for fields": (12, "board all: capacity must be at least 2 fields (got 1)"),
    "sequence NULL": (10, "argument sequence must not be NULL"),
    "good wait": (0, ""),
    "buffer off its alignment": (10, "argument sequence must be aligned to 8 bytes (got address"),
    "part beyond the end": (10, "within the record of 16 bytes (got 8 from 9 on)"),
    "no room for a stamp": (10, "argument stamp_size must be from 4 to snapshot_size, 16 (got 24)"),
    "no room for details": (10, "argument length must not be NULL"),
    "unknown condition": (10, "argument options has an unknown condition (got 3)"),
    "too much acknowledged": (10, "2 cannot be acknowledged"),
    "full ring": (28, "wait to be acknowledged"),
    "sync of a board that is not durable": (10, "is not durable"),
    "sequence of NULL": (0, ""),
}


def test_c_refuses(c_program: Callable[[str], list[str]], tmp_path: Path) -> None:
    done = run([*c_program("tests/safety/refusals/refused.c"), "all"], environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    assert [what for what, _, _, _ in answers] == list(C_REFUSES)
    for what, call, code, message in answers:
        expected, part = C_REFUSES[what]
        header.check(call, int(code))
        assert (int(code), part in message) == (expected, True), f"{what}: {code} {message}"
