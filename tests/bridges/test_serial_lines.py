"""`pegel serial` and lines as devices really send them."""

import os
import pty
import signal
import subprocess
import termios
import tty
from pathlib import Path

import pytest

import pegel
from helpers.programs import WATCHDOG, built, environment, wait_until
from helpers.serial import FIELDS, Line, counters, newest, serial, wait_for_sequence


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


PAIRS = FIELDS.replace(
    "[serial]",
    '[[field]]\nname = "note"\ntype = "text"\nsize = 12\n'
    'optional = true\n[serial]\nformat = "pairs"',
)
JSON = FIELDS + 'format = "json"\n[serial.from]\npower = "ac.power"\n'
UNKNOWN = {"power": 1.5, "count": None, "on": None, "note": None}


@pytest.mark.parametrize(
    ("map_", "text", "reason"),
    [
        (JSON, b'{"ac": {"power": 1}, "count": 1, "count": 2}', "count occurs twice"),
        (JSON, b'{"ac": {"power": 1, "power": 2}}', "power occurs twice"),
        (PAIRS, b"power=1 power=2", "power occurs twice"),
        (PAIRS, b"power=1 note=h\xe4llo", "not valid UTF-8"),
        (PAIRS, b"power=nan", "field power must be a number"),
    ],
)
def test_rejects_what_has_no_single_value(
    tmp_path: Path, line: Line, map_: str, text: bytes, reason: str
) -> None:
    with serial(tmp_path, map_):
        line.say(b"\n" + text + b"\n")
        wait_until(lambda: counters(tmp_path)["bad"] > 0)
        wait_until(lambda: reason in counters(tmp_path)["last_failure"])
        assert pegel.Reader(tmp_path / "meter").sequence == 0


def test_takes_nan_of_an_optional_field_as_unknown(tmp_path: Path, line: Line) -> None:
    with serial(tmp_path, PAIRS):
        line.say(b"\npower=1.5 count=NaN\n")
        wait_for_sequence(tmp_path, 1)
        assert newest(tmp_path) == UNKNOWN


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r"])
def test_takes_every_line_end(tmp_path: Path, line: Line, end: bytes) -> None:
    with serial(tmp_path, PAIRS):
        line.say(end.join([b"", b"power=1", b"power=1.5", b""]))
        wait_for_sequence(tmp_path, 2)
        assert newest(tmp_path) == UNKNOWN
        wait_until(lambda: counters(tmp_path)["records"] == 2)
        assert (counters(tmp_path)["good"], counters(tmp_path)["bad"]) == (2, 0)


@pytest.mark.parametrize("way", ["default", "option", "map"])
def test_keeps_dtr_on_at_exit_if_asked(tmp_path: Path, way: str) -> None:
    _end, slave = pty.openpty()
    tty.setraw(slave)
    settings = termios.tcgetattr(slave)
    settings[2] |= termios.HUPCL
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    (tmp_path / "map.toml").write_text(PAIRS + ("\nhangup = false\n" if way == "map" else ""))
    command = [str(built("target/release/pegel")), "serial", "--map", str(tmp_path / "map.toml")]
    command += ["--port", os.ttyname(slave), *(["--no-hangup"] if way == "option" else [])]
    with subprocess.Popen(command, env=environment(tmp_path)) as process:
        try:
            wait_until(lambda: bool(counters(tmp_path)["connected"]))
            hangs_up = bool(termios.tcgetattr(slave)[2] & termios.HUPCL)
            assert hangs_up == (way == "default")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=WATCHDOG) == 0
        finally:
            process.kill()
