"""What the tests of the solar station wait for, and do to it."""

import contextlib
import signal
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boards
import pegel
from clock import Clock
from helpers.programs import WATCHDOG, wait_until
from simulator import LATITUDE, LONGITUDE
from temporary import Station, as_daemon, configure, padded

HM300, HM600, HM1200 = "112173100011", "114181807700", "116182100042"
SITE = {"latitude": LATITUDE, "longitude": LONGITUDE, "timezone": "Europe/Berlin"}
# Seconds that a simulated inverter has for an answer. A later one, on a slow machine, is asked for
# again, which most tests allow: where each question must be the only one, WATCHDOG is the time.
# With lost frames, most of the time goes by in waiting for them.
PATIENT, LOSSY = 0.5, 0.2
HOUR, DAY = 3600.0, 86400.0
MIDSUMMER = 1_750_456_800.0
"""Midnight in Berlin, 2025-06-21."""


def reader(station: Station, board: str) -> pegel.Reader:
    """A reader of a board, once the board exists."""
    wait_until((station.boards / f"pegel.{board}").exists, f"board {board}")
    return pegel.Reader(station.boards / board)


def newest(station: Station, board: str) -> pegel.Snapshot:
    """The newest record, once there is one."""
    now = reader(station, board)
    now.wait(0, WATCHDOG)
    return now.read()


def change(station: Station, board: str, **values: Any) -> None:
    """Changes a shared board."""
    with as_daemon(station), boards.writer(board, place=f"{station.boards}/") as writer:
        writer.update(**values)


def ask(station: Station, inverter: str, action: str, **values: Any) -> int:
    """Sends a command as a page would, and returns its number."""
    with as_daemon(station):
        acknowledged = newest(station, "answers")["command"]
        with boards.writer("commands", place=f"{station.boards}/") as commands:
            command = {"inverter": inverter, "action": action, "sender": "test", **values}
            return commands.publish_unless_full(acknowledged, **command)


def answer(station: Station, command: int) -> pegel.Snapshot:
    """The final answer to a command."""
    for now in pegel.Reader(station.boards / "answers").follow(after=0, timeout=WATCHDOG):
        if now["command"] >= command and now["done"]:
            break
    answers = pegel.Reader(station.boards / "answers").last(100)
    [done] = [now for now in answers if now["command"] == command and now["done"]]
    return done


def start(
    station: Station,
    *inverters: str,
    speed: float = 1.0,
    hour: float = 11.0,
    interval: float = 0.1,
    answer_time: float = PATIENT,
    launcher: bool = False,
    simulator: tuple[str, ...] = (),
    daemon: tuple[str, ...] = (),
    **config: Any,
) -> None:
    """A station whose daemon polls these inverters, at an hour of a day in midsummer."""
    station.answer_time = answer_time
    inverters = inverters or (HM600,)
    station.clock = Clock.starting(MIDSUMMER + hour * HOUR, speed)
    configure(station, serial=padded(*inverters), interval=interval, **{**SITE, **config})
    words = [word for serial in inverters for word in ("--inverter", serial)]
    station.start_simulator(*words, *simulator)
    if launcher:
        station.start_launcher("--running")
    else:
        start_daemon(station, *daemon)


def start_daemon(station: Station, *options: str) -> None:
    station.start("daemon", [*station.daemon_command(), *options], as_daemon=True)


def log_has(station: Station, text: str) -> Callable[[], bool]:
    return lambda: station.log.exists() and text in station.log.read_text()


def kill(station: Station, name: str) -> None:
    process = station.processes.pop(name)
    process.send_signal(signal.SIGKILL)
    process.wait()


def stop(station: Station, name: str) -> None:
    process = station.processes.pop(name)
    process.terminate()
    assert process.wait(WATCHDOG) == 0


def page(station: Station, path: str = "") -> str:
    with urllib.request.urlopen(station.address + path, timeout=WATCHDOG) as answer:
        text: str = answer.read().decode()
        return text


@contextlib.contextmanager
def paused(station: Station, name: str) -> Iterator[None]:
    """Stops a process for a while, as a debugger or a busy machine would."""
    station.processes[name].send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        station.processes[name].send_signal(signal.SIGCONT)
