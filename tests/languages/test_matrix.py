"""What any language writes, every language reads.

Each language has a program in matrix/ that takes lines: `write BOARD KIND` publishes each
line and answers with the sequence; `read BOARD KIND` takes a sequence, waits for a newer one, and
answers with sequence, generation, whether the writer lives, and the record. A record is one line:
its elements in their order, separated by tabs; bools are true or false, integers decimal, floats
their bits in hexadecimal, texts as they are. A JSON document is a line, a document of bytes is
hexadecimal.
"""

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from helpers.programs import built, converse, environment, php, python, run

LANGUAGES = ("c", "php", "python", "rust", "ctypes")
READERS = (*LANGUAGES, "php files")
CAPACITY = 4096

# Largest, smallest, least normal, least subnormal, NaN, infinities, negative zero, a tenth.
F32 = [
    "7f7fffff",
    "ff7fffff",
    "00800000",
    "00000001",
    "7fc00000",
    "7f800000",
    "ff800000",
    "80000000",
    "3dcccccd",
]
F64 = [
    "7fefffffffffffff",
    "ffefffffffffffff",
    "0010000000000000",
    "0000000000000001",
    "7ff8000000000000",
    "7ff0000000000000",
    "fff0000000000000",
    "8000000000000000",
    "3fb999999999999a",
]
TEXTS = ("", "ä" * 12, "x" * 24, "Pegelhöhe 3½ € 🌧", "'\\\" $x {y} %s <&>", "0", "false", "null")
SHORT_TEXTS = ("", "ääääa", "€€€", "123456789", "0", "ß")


def rotate(values: tuple[object, ...] | list[str], by: int, count: int) -> list[object]:
    return [values[(by + index) % len(values)] for index in range(count)]


def record(turn: int) -> str:
    """A line; over the turns, each field takes all its extremes."""
    flags = rotate(("false", "true", "true"), turn, 4)
    integers: list[object] = []
    for bits in (8, 16, 32, 64):
        highest = 2 ** (bits - 1) - 1
        integers += rotate((-highest - 1, highest, 0, -1), turn, 3)
        integers += rotate((0, 2**bits - 1, 1, highest, highest + 1), turn, 3)
    floats = chain.from_iterable(rotate(values, turn, 10) for values in (F32, F64))
    texts = rotate(TEXTS, turn, 1) + rotate(SHORT_TEXTS, turn, 3)
    return "\t".join(map(str, [*flags, *integers, *floats, *texts, 255 - turn]))


FILLER = CAPACITY - len('{"filler":"ä"}'.encode())
DOCUMENTS: tuple[object, ...] = (
    {"inverters": [{"serial": "1121", "power": 21.8, "on": True}, {"state": None, "strings": []}]},
    {"Größe": "3½ €/m² 🌧", "quoted": "\"'\\/", "lines": "a\nb\tc\u2028", "zero": 0.0},
    {"least": -(2**63), "most": 2**63 - 1, "tenth": 0.1, "huge": 1.7976931348623157e308},
    [1, [2, [3, [4]]], "five"],
    "only a text",
    42,
    {"filler": "x" * FILLER + "ä"},
)
LINES: dict[str, list[str]] = {
    "record": [record(turn) for turn in range(len(F64))],
    "json": [json.dumps(d, ensure_ascii=False, separators=(",", ":")) for d in DOCUMENTS],
    "bytes": ["", "00", bytes(range(256)).hex(), "ff" * CAPACITY, "c3a4"],
}

Command = Callable[[str, str, str, str], list[str]]


@pytest.fixture
def command(c_program: Callable[[str], list[str]]) -> Command:
    """The command that reads or writes in a language."""

    def command(language: str, verb: str, board: str, kind: str) -> list[str]:
        match language:
            case "c":
                program = c_program("tests/languages/matrix/matrix.c")
            case "php":
                program = php("tests/languages/matrix/matrix.php")
            case "php files":
                program = php("tests/languages/matrix/matrix.php", tier="files")
            case "python":
                program = python("tests/languages/matrix/matrix.py")
            case "rust":
                program = [str(built("target/release/matrix"))]
            case _:
                program = python("tests/languages/matrix/matrix_ctypes.py")
        return [*program, verb, board, kind]

    return command


def meaning(kind: str, answer: str) -> list[object]:
    """What a reader says, free of the freedom that JSON leaves."""
    sequence, generation, alive, line = answer.split("\t", 3)
    return [sequence, generation, alive, json.loads(line) if kind == "json" else line]


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", LANGUAGES)
def test_every_language_reads_every_language(
    writer: str, reader: str, kind: str, command: Command, tmp_path: Path
) -> None:
    lines = LINES[kind]
    with converse(command(writer, "write", "all", kind), environment(tmp_path)) as write:
        assert write.hear() == "ready"
        with converse(command(reader, "read", "all", kind), environment(tmp_path)) as read:
            for sequence, line in enumerate(lines, 1):
                read.say(sequence - 1)
                assert write.ask(line) == str(sequence)
                expected = meaning(kind, f"{sequence}\t1\ttrue\t{line}")
                assert meaning(kind, read.hear()) == expected


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("reader", READERS)
def test_the_last_record_outlives_its_writer(
    reader: str, kind: str, command: Command, tmp_path: Path
) -> None:
    for language in LANGUAGES:
        with converse(command(language, "write", language, kind), environment(tmp_path)) as write:
            write.hear()
            write.ask(LINES[kind][1])
        with converse(command(reader, "read", language, kind), environment(tmp_path)) as read:
            expected = meaning(kind, f"1\t1\tfalse\t{LINES[kind][1]}")
            assert meaning(kind, read.ask(0)) == expected


@pytest.mark.parametrize("kind", LINES)
def test_writers_of_all_languages_take_over_from_each_other(
    kind: str, command: Command, tmp_path: Path
) -> None:
    boards = environment(tmp_path)
    turns = [language for first in LANGUAGES for other in LANGUAGES for language in (first, other)]
    with converse(command("c", "write", "all", kind), boards) as write:
        write.hear()
        write.ask(LINES[kind][0])
    for sequence, language in enumerate(turns, 2):
        with converse(command(language, "write", "all", kind), boards) as write:
            assert write.hear() == "ready"
            assert write.ask(LINES[kind][0]) == str(sequence)


@pytest.mark.parametrize("second", LANGUAGES)
@pytest.mark.parametrize("first", LANGUAGES)
def test_a_writer_keeps_all_others_out(
    first: str, second: str, command: Command, tmp_path: Path
) -> None:
    boards = environment(tmp_path)
    with converse(command(first, "write", "all", "record"), boards) as write:
        assert write.hear() == "ready"
        refused = run(command(second, "write", "all", "record"), boards)
        assert refused.returncode > 0
        assert refused.stdout == ""
        assert "board all has a writer" in refused.stderr
        assert write.ask(LINES["record"][0]) == "1"
