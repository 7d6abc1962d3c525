"""All readers reach the verdicts and the values of the conformance kit."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import pegel
from format import durable
from format.fields import DamagedError
from format.reader import EmptyError, LayoutError, Reader
from format.values import of_php, plain
from helpers.programs import ROOT, built, environment, php, run

KIT = ROOT / "tests/format/conformance"
CASES: list[dict[str, Any]] = json.loads((KIT / "cases.json").read_text(encoding="utf-8"))
BOARDS = [case for case in CASES if case["level"] != "durable"]
DURABLE = [case for case in CASES if case["level"] == "durable"]
VERDICTS = {
    DamagedError: "CORRUPT",
    LayoutError: "UNSUPPORTED",
    EmptyError: "EMPTY",
    pegel.Corrupt: "CORRUPT",
    pegel.Unsupported: "UNSUPPORTED",
    pegel.Empty: "EMPTY",
}


def rule(case: dict[str, Any]) -> str:
    return str(case["rule"])


def expected(case: dict[str, Any]) -> tuple[Any, ...]:
    return case["verdict"], case.get("sequence"), case.get("record")


@pytest.fixture
def board(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A board of the kit, by the path of its file."""
    path = tmp_path / "pegel.case"
    shutil.copyfile(KIT / request.param["file"], path)
    path.chmod(0o640)
    return path


def cases(which: list[dict[str, Any]]) -> pytest.MarkDecorator:
    pairs = [(case, case) for case in which]
    return pytest.mark.parametrize(
        ("board", "case"), pairs, indirect=["board"], ids=[rule(case) for case in which]
    )


@cases(BOARDS)
def test_the_reader_from_the_page(board: Path, case: dict[str, Any]) -> None:
    try:
        with Reader(board) as reader:
            now = reader.read()
            record = {name: plain(value) for name, value in now.values.items()}
            found: tuple[Any, ...] = ("OK", now.sequence, record.get("document", record))
    except tuple(VERDICTS) as error:
        found = (VERDICTS[type(error)], None, None)
    assert found == expected(case)


@cases(BOARDS)
def test_pegel(board: Path, case: dict[str, Any]) -> None:
    try:
        with pegel.Reader(board.with_name("case")) as reader:
            now = reader.read()
            is_document = reader.fields.keys() == {"document"}
            record = (
                plain(now.document) if is_document else {name: plain(now[name]) for name in now}
            )
            found: tuple[Any, ...] = ("OK", now.sequence, record)
    except tuple(VERDICTS) as error:
        found = (VERDICTS[type(error)], None, None)
    assert found == expected(case)


def test_php_without_the_library(tmp_path: Path) -> None:
    """It is a minimal reader: all cases by one process, as each start takes a while."""
    for number, case in enumerate(BOARDS):
        path = tmp_path / f"pegel.case{number}"
        shutil.copyfile(KIT / case["file"], path)
        path.chmod(0o640)
    program = php("tests/format/conformance.php", tier="files")
    done = run([*program, str(tmp_path), str(len(BOARDS))], environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    found = dict(zip(map(rule, BOARDS), json.loads(done.stdout), strict=True))
    minimal = [case for case in BOARDS if case["level"] == "minimal"]
    assert {rule(case): found[rule(case)] for case in minimal} == {
        rule(case): of_php(list(expected(case))) for case in minimal
    }


@pytest.mark.parametrize("case", DURABLE, ids=rule)
def test_the_durable_reader_from_the_page(case: dict[str, Any]) -> None:
    content = gzip.decompress((KIT / case["file"]).read_bytes())
    try:
        newest = durable.parse(content).newest
        found: tuple[Any, ...] = ("OK", newest.sequence)
    except tuple(VERDICTS) as error:
        found = (VERDICTS[type(error)], None)
    assert found == expected(case)[:2]


@pytest.mark.parametrize("case", DURABLE, ids=rule)
def test_pegel_loads_durable_files(tmp_path: Path, case: dict[str, Any]) -> None:
    file = tmp_path / "file.durable"
    file.write_bytes(gzip.decompress((KIT / case["file"]).read_bytes()))
    shell = environment(tmp_path) | {"PEGEL_DURABLE_DIR": str(tmp_path / "durable")}
    (tmp_path / "durable").mkdir()
    done = run([str(built("target/release/pegel")), "load", str(file), "case"], shell)
    if case["verdict"] == "OK":
        assert done.returncode == 0, done.stderr
        now = pegel.Reader(tmp_path / "case").read()
        record = {name: plain(now[name]) for name in now}
        assert (now.sequence, record) == (case["sequence"], case["record"])
    else:
        # Without the magic, it is a file of another kind to `load`.
        damaged = case["verdict"] == "CORRUPT" and case["rule"] != "durable: the magic"
        assert (done.returncode, "is damaged" in done.stderr) == (1, damaged), done.stderr


def test_the_example_on_the_page_is_the_board() -> None:
    page = (ROOT / "docs/format.md").read_text(encoding="utf-8")
    board = (ROOT / "tests/format/golden/marked.board").read_bytes()
    example = page.partition("```text\n0000  ")[2].partition("```")[0]
    shown = bytearray(len(board))
    for line in f"0000  {example}".splitlines():
        offset, data = int(line[:4], 16), bytes.fromhex(line[6:54])
        shown[offset : offset + 16] = data
    assert shown == board
