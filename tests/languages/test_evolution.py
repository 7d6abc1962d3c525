"""docs/evolution.md, row by row, between old and new programs of every language."""

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.programs import built, environment, php, python, run

LANGUAGES = ("c", "php", "php files", "python", "rust")
PAIRS = list(itertools.product(LANGUAGES, LANGUAGES))

Call = Callable[..., Any]


@pytest.fixture
def call(c_program: Callable[[str], list[str]], tmp_path: Path) -> Call:
    """Runs a program; what it read, or why it was refused."""

    def call(language: str, *arguments: str) -> Any:
        command = {
            "c": lambda: c_program("tests/languages/evolution/version.c"),
            "php": lambda: php("tests/languages/evolution/version.php"),
            "php files": lambda: php("tests/languages/evolution/version.php", tier="files"),
            "python": lambda: python("tests/languages/evolution/version.py"),
            "rust": lambda: [str(built("target/release/version"))],
        }[language]()
        done = run([*command, *arguments], environment(tmp_path), tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        refused = done.stdout.startswith("INVALID_FIELDS")
        return done.stdout if refused or not done.stdout else json.loads(done.stdout)

    return call


def refused(answer: Any, name: str) -> bool:
    return str(answer).startswith("INVALID_FIELDS") and "tank" in answer and name in answer


@pytest.mark.parametrize(("old", "new"), PAIRS)
@pytest.mark.parametrize(
    ("version", "lacking", "own"),
    [("default", {"limit": 80}, {"limit": 60}), ("optional", {"wind": None}, {"wind": 1.5})],
)
def test_a_field_that_may_be_missing_is_appended(
    call: Call, old: str, new: str, version: str, lacking: dict[str, Any], own: dict[str, Any]
) -> None:
    call(old, "first", "write", "1.5")
    before = {"level": 1.5, "rain": True}
    assert call(old, version, "read") == call(new, version, "read") == before | lacking

    call(new, version, "write", "2.5")
    now = {"level": 2.5, "rain": True}
    assert call(new, version, "read") == now | own
    assert call(old, "first", "read") == now

    call(old, "first", "write", "3.5")
    assert call(new, version, "read") == {"level": 3.5, "rain": True} | lacking
    assert call(old, "first", "read") == {"level": 3.5, "rain": True}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_another_field_is_appended(call: Call, old: str, new: str, tmp_path: Path) -> None:
    call(old, "first", "write", "1.5")
    assert refused(call(new, "plain", "read"), "hot")
    assert refused(call(new, "plain", "write", "2.5"), "hot")
    assert call(old, "first", "read") == {"level": 1.5, "rain": True}

    pegel.unlink(tmp_path / "tank")
    pegel.Writer(tmp_path / "tank", level=pegel.f64("m"), rain=pegel.bool_()).close()
    call(new, "plain", "write", "2.5")
    assert refused(call(old, "first", "write", "3.5"), "hot")
    assert call(old, "first", "read") == {"level": 2.5, "rain": True}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_field_is_changed_or_removed(call: Call, old: str, new: str) -> None:
    call(old, "first", "write", "1.5")
    assert refused(call(new, "feet", "read"), "in ft")
    assert refused(call(new, "feet", "write", "2.5"), "in ft")
    assert refused(call(new, "less", "write", "2.5"), "rain")
    assert call(new, "less", "read") == {"level": 1.5}
    assert call(old, "first", "read") == {"level": 1.5, "rain": True}


def test_a_document_gets_a_larger_capacity(tmp_path: Path) -> None:
    board = tmp_path / "ahoy"
    with pegel.Writer(board, pegel.json(20)) as writer:
        writer.publish({"power": 1})
    old = pegel.Reader(board, pegel.json(20))
    with pegel.Writer(board, pegel.json(4000)) as writer:
        assert writer.read().document == {"power": 1}
        writer.publish({"power": "x" * 3000})
    with pytest.raises(pegel.Gone):
        old.last(1)
    assert old.read()["power"] == "x" * 3000
    with pegel.Writer(board, pegel.json(20)) as writer:
        writer.publish({"power": "y" * 3000})
    assert pegel.Reader(board).info.record_size == 4000


def test_details_are_changed(tmp_path: Path) -> None:
    board = tmp_path / "config"
    with pegel.Writer(board, limit=pegel.f64("%", default=80, max=100)) as writer:
        writer.publish(limit=100)
    with pegel.Writer(board, limit=pegel.f64("%", default=50, max=60)) as writer:
        writer.publish(limit=90)
        assert writer.fields["limit"].max == 100
    with pegel.Writer(board, limit=pegel.f64("%", max=60), replace=True) as writer:
        assert writer.read()["limit"] == 90
        with pytest.raises(pegel.InvalidFields, match="60"):
            writer.publish(limit=90)


def test_a_board_that_grows_keeps_its_owner_and_group(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("this gives a board to another user: run it as root")
    board, file = tmp_path / "tank", tmp_path / "pegel.tank"
    pegel.Writer(board, level=pegel.f64(), mode=0o660).close()
    # A member of the directory's group owns it, as in a directory that two users share.
    os.chown(tmp_path, 0, 2)
    tmp_path.chmod(0o2770)
    os.chown(file, 1, 2)
    pegel.Writer(board, level=pegel.f64(), wind=pegel.f64(optional=True)).close()
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1, 2, 0o660)
    assert "wind" in pegel.Reader(board).fields
