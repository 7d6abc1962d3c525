"""What the tests of the solar station wait for, and do to it."""

import signal
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pegel
from demo import Station

WATCHDOG = 60.0


def until(is_so: Callable[[], object], what: str) -> None:
    """Waits for something that only looking can tell."""
    end = time.monotonic() + WATCHDOG
    while not is_so():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


def reader(station: Station, board: str) -> pegel.Reader:
    """A reader of a board, once somebody has created it."""
    until((station.boards / f"pegel.{board}").exists, f"board {board}")
    return pegel.Reader(station.boards / board)


def set_config(station: Station, **values: Any) -> None:
    with pegel.Writer.open(station.boards / "config", timeout=WATCHDOG) as config:
        config.update(**values)


def log_has(station: Station, text: str) -> Callable[[], bool]:
    return lambda: station.log.exists() and text in station.log.read_text()


def kill(station: Station, name: str) -> None:
    process = station.processes.pop(name)
    process.send_signal(signal.SIGKILL)
    process.wait()


def page(station: Station) -> str:
    with urllib.request.urlopen(station.address, timeout=WATCHDOG) as answer:
        text: str = answer.read().decode()
        return text
