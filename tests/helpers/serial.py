"""`pegel serial` and a line of pseudo-terminals, for the tests."""

import os
import pty
import signal
import subprocess
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pegel
from helpers.programs import WATCHDOG, built, environment, wait_until

FIELDS = """
board = "meter"
[[field]]
name = "power"
type = "f32"
[[field]]
name = "count"
type = "u16"
optional = true
[[field]]
name = "on"
type = "bool"
optional = true
[serial]
"""


class Line:
    """A serial line: what is said into it comes out at the port, which can vanish."""

    def __init__(self, directory: Path) -> None:
        self.port = directory / "tty"
        self.plug()

    def plug(self) -> None:
        self.end, slave = pty.openpty()
        tty.setraw(self.end)
        # Held open, as else the port hangs up when its reader is between two attempts.
        self.slave = slave
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(slave))

    def unplug(self) -> None:
        self.port.unlink()
        os.close(self.slave)
        os.close(self.end)

    def say(self, text: bytes, baud: int = 0) -> None:
        """At once, or at the pace of a real line: ten bits a character."""
        if not baud:
            while text:
                text = text[os.write(self.end, text) :]
            return
        for position in range(0, len(text), 16):
            os.write(self.end, text[position : position + 16])
            time.sleep(160 / baud)

    def hear(self, count: int) -> bytes:
        """So many bytes of what comes from the other end."""
        heard = b""
        while len(heard) < count:
            heard += os.read(self.end, count - len(heard))
        return heard


@contextmanager
def serial(
    place: Path, map_: str, *arguments: str, failure: str = ""
) -> Iterator["subprocess.Popen[str]"]:
    (place / "map.toml").write_text(map_)
    command = [str(built("target/release/pegel")), "serial", "--map", str(place / "map.toml")]
    command += ["--port", str(place / "tty"), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(place), stderr=pipe, text=True) as process:
        try:
            wait_until(lambda: counters(place)["connected"] or process.poll() is not None)
            yield process
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=WATCHDOG)
            assert process.returncode == 0
            assert (failure in log) if failure else not log
        finally:
            process.kill()
    assert not counters(place)["connected"]


def counters(place: Path) -> pegel.Snapshot:
    return pegel.Reader(place / "meter-serial").read()


def wait_for_sequence(place: Path, number: int) -> None:
    wait_until(lambda: sequence(place) == number)


def sequence(place: Path, board: str = "meter") -> int:
    try:
        return pegel.Reader(place / board).sequence
    except pegel.NotFound:
        return 0


def newest(place: Path) -> dict[str, Any]:
    return dict(pegel.Reader(place / "meter").read())
