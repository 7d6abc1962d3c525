"""Every state has an exception of its own, which names the board and what to do."""

import inspect
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import pegel

ROOT = Path(__file__).parents[2]


def test_every_status_of_the_header_is_an_exception() -> None:
    header = (ROOT / "include/pegel.h").read_text()
    block = header[header.index("PEGEL_OK = 0") : header.index("} pegel_status")]
    statuses = {name: int(code) for name, code in re.findall(r"PEGEL_(\w+) = (\d+)", block)}
    listed = statuses["OK"], statuses["PANIC"]
    assert listed == (0, 50)
    errors = {c.__name__: c.code for c in pegel.Error.__subclasses__()}
    expected = {
        name.title().replace("_", ""): code for name, code in statuses.items() if 10 <= code < 50
    }
    assert errors == expected
    assert all(name in pegel.__all__ for name in errors)


def test_pythons_own_exceptions_catch_them() -> None:
    for own, error in (
        (FileNotFoundError, pegel.NotFound),
        (PermissionError, pegel.Denied),
        (TimeoutError, pegel.Timeout),
        (ValueError, pegel.InvalidArgument),
        (ValueError, pegel.InvalidFields),
        (ValueError, pegel.TooLarge),
        (OSError, pegel.NoSpace),
        (OSError, pegel.System),
    ):
        assert issubclass(error, own)
        assert issubclass(error, pegel.Error)


def test_no_board(boards: Path) -> None:
    for use in (pegel.Reader, pegel.Writer.open, pegel.unlink):
        with pytest.raises(pegel.NotFound, match=str(boards / "pegel.station")) as caught:
            use("station")
        assert caught.value.code == 20


@pytest.mark.parametrize(
    "name", ["", "Station", "a b", "ä", "a" * 65, "x.lock", "a\0b", "\udcff/a"]
)
def test_names_that_are_none(name: str) -> None:
    for use in (pegel.Reader, pegel.Writer.open, pegel.unlink):
        with pytest.raises(pegel.InvalidArgument):
            use(name)
    with pytest.raises(pegel.InvalidArgument):
        pegel.Writer(name, n=pegel.u8())


def test_a_board_is_a_name_or_a_path() -> None:
    for use in (pegel.Reader, pegel.Writer.open, pegel.unlink):
        with pytest.raises(TypeError):
            use(7)  # type: ignore[arg-type]


def test_locked_names_the_process_that_holds_the_board() -> None:
    holder = f"process {os.getpid()} \\(.+\\) holds .*pegel.station.lock"
    with pegel.Writer("station", n=pegel.u8()):
        for use in (
            lambda: pegel.Writer("station", n=pegel.u8(), timeout=0),
            lambda: pegel.Writer.open("station", timeout=0),
            lambda: pegel.unlink("station"),
        ):
            with pytest.raises(pegel.Locked, match=f"station has a writer: {holder}"):
                use()


def test_a_writer_waits_a_second_by_default() -> None:
    for make in (pegel.Writer, pegel.Writer.open):
        assert inspect.signature(make).parameters["timeout"].default == 1.0


def test_a_file_that_is_no_board(boards: Path) -> None:
    path = boards / "pegel.station"
    for content in (b"", b"level=3.21", bytes(100_000)):
        path.write_bytes(content)
        path.chmod(0o640)
        with pytest.raises(pegel.Corrupt, match=str(path)):
            pegel.Reader("station")
        with pytest.raises(pegel.Corrupt, match=str(path)):
            pegel.Writer("station", n=pegel.u8())


def test_a_board_that_was_cut(boards: Path) -> None:
    with pegel.Writer("station", n=pegel.u8()) as writer:
        writer.publish(n=1)
    whole = writer.path.read_bytes()
    for size in (0, 1, 64, len(whole) // 2, len(whole) - 1):
        writer.path.write_bytes(whole[:size])
        with pytest.raises(pegel.Corrupt, match=str(writer.path)):
            pegel.Reader("station")
    writer.path.write_bytes(whole)
    assert pegel.Reader("station").read()["n"] == 1


def test_links_are_not_followed(boards: Path) -> None:
    pegel.Writer("station", n=pegel.u8()).close()
    (boards / "pegel.other").symlink_to(boards / "pegel.station")
    with pytest.raises(pegel.Untrusted, match="other"):
        pegel.Reader("other")
    (boards / "pegel.other").unlink()
    os.link(boards / "pegel.station", boards / "pegel.other")
    with pytest.raises(pegel.Untrusted, match="other"):
        pegel.Reader("other")


def test_options_that_are_none() -> None:
    wrong: list[dict[str, Any]] = [{"slots": 3}, {"slots": 2}]
    wrong += [{"mode": 0o666}, {"mode": 0o040}, {"mode": 0o750}]
    for options in wrong:
        with pytest.raises(pegel.InvalidArgument, match="station"):
            pegel.Writer("station", {"n": pegel.u8()}, **options)
    assert pegel.boards() == []


def test_reading_needs_no_more_than_the_permission_to_read() -> None:
    program = """
import os, sys, pegel
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
create = lambda board: pegel.Writer(board, n=pegel.u8())
for use in pegel.Reader, pegel.Writer.open, create, pegel.unlink:
    try:
        print(use(sys.argv[1]).read()["n"])
    except PermissionError as error:
        print(type(error).__name__, error)
"""
    with tempfile.TemporaryDirectory() as directory:
        board = f"{directory}/station"
        with pegel.Writer(board, {"n": pegel.u8()}, mode=0o644) as writer:
            writer.publish(n=7)
        if os.geteuid() != 0:
            writer.path.chmod(0o444)
        Path(directory).chmod(0o555)
        command = [sys.executable, "-c", program, board]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        Path(directory).chmod(0o755)
    read, *denied = printed.splitlines()
    assert read == "7"
    assert len(denied) == 3
    for line in denied:
        assert line.startswith("Denied")
        assert f"{directory}/pegel.station" in line


def test_a_board_that_is_cut_off_is_an_error_to_those_who_do_not_trust_it(boards: Path) -> None:
    with pegel.Writer("tank", level=pegel.f64()) as writer:
        writer.publish(level=1.0)
        path = writer.path
    reader = pegel.Reader("tank", untrusted=True)
    follow = reader.follow(timeout=10)
    assert reader.read()["level"] == next(follow)["level"] == 1.0
    os.truncate(path, 100)
    for attempt in (reader.read, lambda: reader.wait(1, timeout=10), lambda: next(follow)):
        with pytest.raises(pegel.Corrupt, match="truncated"):
            attempt()
