"""What the program shows in a terminal: a calm table, colours, and questions."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

import pegel
from helpers.programs import WATCHDOG, built, environment

FRAME_END = b"\x1b[J"


class Terminal:
    """A program in a terminal, and its screen."""

    def __init__(self, command: list[str], variables: dict[str, str], rows: int, columns: int):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.said = self.undrawn = b""
        self.end, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command, env=variables, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def look(self) -> list[str]:
        """The lines of the screen after the next frame: a slow test sees each of them too."""
        while FRAME_END not in self.undrawn and select.select([self.end], [], [], 0.01)[0]:
            try:
                self.undrawn += os.read(self.end, 65536)
            except OSError:
                break
        frame, end, self.undrawn = self.undrawn.partition(FRAME_END)
        self.said += frame + end
        self.stream.feed(frame + end)
        return [line.rstrip() for line in self.screen.display]

    def shows(self, is_shown: Callable[[list[str]], object]) -> list[str]:
        end = time.monotonic() + WATCHDOG
        while not is_shown(lines := self.look()):
            assert time.monotonic() < end, "\n".join(lines)
        return lines

    def shows_first(self, part: str) -> list[str]:
        """On the first line."""
        return self.shows(lambda lines: part in lines[0])

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())


@contextmanager
def terminal(
    place: Path, *arguments: str, rows: int = 24, columns: int = 80, **more: str
) -> Iterator[Terminal]:
    # Where the tests run in the background, Ctrl-C may be ignored.
    command = ["env", "--default-signal=INT", str(built("target/release/pegel")), *arguments]
    variables = environment(place) | {"TERM": "xterm-256color"} | more
    shown = Terminal(command, variables, rows, columns)
    try:
        yield shown
    finally:
        shown.process.kill()
        shown.process.wait()
        os.close(shown.end)


FIELDS = {
    "level": pegel.f64("m"),
    "rain": pegel.bool_(),
    "note": pegel.text(24),
}


@pytest.fixture
def tank(tmp_path: Path) -> Iterator[pegel.Writer]:
    with pegel.Writer(tmp_path / "tank", FIELDS) as writer:
        yield writer


def test_watch_is_a_table_that_marks_what_changes(tmp_path: Path, tank: pegel.Writer) -> None:
    tank.publish(level=3, rain=False, note="rising")
    with terminal(tmp_path, "watch", "tank") as shown:
        lines = shown.shows(lambda lines: "sequence 1," in lines[0])
        first = age(lines[0])
        assert lines[0].endswith("old, writer alive")
        assert [line.split() for line in lines[1:4]] == [
            ["level", "3", "m"],
            ["rain", "false"],
            ["note", '"rising"'],
        ]
        # Its age grows while nothing is published.
        shown.shows(lambda lines: age(lines[0]) >= first + 1)
        for level in (4, 5, 3):
            sequence = tank.publish(level=level, rain=False, note="rising")
            lines = shown.shows_first(f"sequence {sequence},")
        assert lines[1].split() == ["level", "3", "m", "▁▅█▁"]
        # What has changed stands out, and only that.
        column = lines[1].index("3")
        assert shown.screen.buffer[1][column].bold
        assert shown.screen.buffer[1][column].fg == "brown"
        assert not shown.screen.buffer[2][lines[2].index("false")].bold
        shown.shows(lambda _: not shown.screen.buffer[1][column].bold)
        # Drawn over and over in one place.
        assert "".join(lines[4:]) == ""
        tank.close()
        shown.shows(lambda lines: "no writer" in lines[0])
        os.killpg(shown.process.pid, signal.SIGINT)
        assert shown.process.wait(timeout=WATCHDOG) == -signal.SIGINT


def age(heading: str) -> float:
    """What `tank: sequence 1, 2.3 s old, writer alive` says."""
    return float(heading.split()[3])


def test_no_color_is_kept(tmp_path: Path, tank: pegel.Writer) -> None:
    tank.publish(level=3, rain=False, note="rising")
    with terminal(tmp_path, "watch", "tank", NO_COLOR="1") as shown:
        shown.shows(lambda lines: "sequence 1," in lines[0])
        tank.publish(level=4, rain=False, note="rising")
        lines = shown.shows(lambda lines: "sequence 2," in lines[0])
        assert lines[1].startswith("* level")
        assert lines[2].startswith("  rain")
        assert b"m" not in {part[-1:] for part in escapes(shown.said)}


def escapes(said: bytes) -> list[bytes]:
    """The sequences that command the terminal."""
    parts = said.split(b"\x1b[")[1:]
    return [part[: next(i for i, c in enumerate(part) if 64 <= c < 127) + 1] for part in parts]


def test_a_small_terminal_shows_what_fits(tmp_path: Path) -> None:
    fields = {f"field{number}": pegel.text(100) for number in range(20)}
    with pegel.Writer(tmp_path / "many", fields) as writer:
        writer.publish(dict.fromkeys(fields, "x" * 90))
        with terminal(tmp_path, "watch", "many", rows=8, columns=40) as shown:
            lines = shown.shows(lambda lines: "more" in lines[6])
            assert lines[6] == "... and 15 more"
            assert lines[1].startswith("  field0")
            writer.publish(dict.fromkeys(fields, "y" * 90))
            lines = shown.shows(lambda lines: "y" in lines[1])
            assert lines[0].startswith("many: sequence 2")
            assert lines[6] == "... and 15 more"


def test_watch_shows_documents(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "plan", pegel.json(1000))
    with writer, terminal(tmp_path, "watch", "plan") as shown:
        shown.shows_first("plan: nothing has been published yet")
        writer.publish({"name": "roof\x1b[31m", "power": [1, 2.5]})
        lines = shown.shows(lambda lines: lines[1] == "{")
        assert lines[2] == '  "name": "roof\\u001b[31m",'
        assert lines[3] == '  "power": ['
        # Longer ones, and shorter ones over them.
        writer.publish({})
        lines = shown.shows(lambda lines: lines[1] == "{}")
        assert "".join(lines[2:]) == ""
    writer = pegel.Writer(tmp_path / "photo", pegel.bytes_(1000))
    writer.publish(b"\xff\x00")
    with writer, terminal(tmp_path, "watch", "photo") as shown:
        shown.shows(lambda lines: lines[1] == "2 bytes")


def test_ls_goes_on(tmp_path: Path, tank: pegel.Writer) -> None:
    with terminal(tmp_path, "ls", "--watch=0.1", columns=100) as shown:
        shown.shows(lambda lines: lines[1].startswith("tank"))
        pegel.Writer(tmp_path / "other", FIELDS).close()
        (tmp_path / "pegel.bad").write_text("no board")
        lines = shown.shows(lambda lines: lines[3].startswith("tank"))
        assert lines[0].split()[:3] == ["BOARD", "FIELDS", "SIZE"]
        assert lines[1].split()[-1] == "CORRUPT"
        assert lines[2].startswith("other")
        tank.publish(level=1, rain=True, note="")
        lines = shown.shows(lambda lines: lines[3].split()[5] == "1")
        assert "".join(lines[4:]) == ""


def test_piped_there_are_lines_and_no_colours(tmp_path: Path, tank: pegel.Writer) -> None:
    tank.publish(level=3, rain=False, note="rising")
    program = str(built("target/release/pegel"))
    command = [program, "ls", "--watch=0.1"]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as listing:
        assert listing.stdout
        lines = [listing.stdout.readline() for _ in range(5)]
        listing.kill()
    assert lines[2] == "\n"
    assert lines[0] == lines[3]
    assert not any("\x1b" in line for line in lines)


def test_gc_asks(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        pegel.Writer(tmp_path / name, FIELDS).close()
    with terminal(tmp_path, "gc") as shown:
        shown.shows(lambda lines: "a (nothing was ever published) has no writer" in lines[0])
        shown.type("y\r")
        shown.shows(lambda lines: "removed a" in lines)
        shown.type("what\r")
        shown.type("\r")
        shown.shows(lambda lines: any("c (nothing" in line for line in lines))
        shown.type("a\r")
        shown.shows(lambda lines: "removed e" in lines)
        assert shown.process.wait(timeout=WATCHDOG) == 0
    assert pegel.boards(tmp_path) == ["b"]
    with terminal(tmp_path, "gc") as shown:
        shown.shows(lambda lines: "b (" in lines[0])
        shown.type("q\r")
        assert shown.process.wait(timeout=WATCHDOG) == 0
    assert pegel.boards(tmp_path) == ["b"]


def test_bench_says_what_it_does(tmp_path: Path) -> None:
    with terminal(tmp_path, "bench") as shown:
        shown.shows(lambda lines: "measuring" in lines[0])
        lines = shown.shows(lambda lines: any("0 torn" in line for line in lines))
        assert lines[0].split()[:3] == ["RECORD", "PUBLISH", "READ"]
        assert shown.process.wait(timeout=WATCHDOG) == 0
