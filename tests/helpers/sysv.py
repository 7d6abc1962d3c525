"""System V shared memory, scripts that use it, and `pegel sysv`, for the tests."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sysv_ipc

import pegel
from helpers.programs import Conversation, Service, built, environment, php, python, wait_until

SIZE = 4096
SCRIPTS = {
    "python": python("tests/bridges/sysv/script.py"),
    "php": php("tests/bridges/sysv/script.php"),
}
FIELDS = {
    "level": pegel.f64("m", min=0, max=5),
    "pumps": pegel.Field("u16", count=2),
    "note": pegel.text(24),
    "fault": pegel.Field("i32", optional=True),
}
RECORD = {"level": 1.5, "pumps": [1, 2], "note": "läuft", "fault": None}


def remove(number: int) -> None:
    with contextlib.suppress(sysv_ipc.ExistentialError):
        sysv_ipc.SharedMemory(number).remove()
    with contextlib.suppress(sysv_ipc.ExistentialError):
        sysv_ipc.Semaphore(number).remove()


def is_there(number: int) -> bool:
    try:
        sysv_ipc.SharedMemory(number).detach()
        sysv_ipc.Semaphore(number)
    except sysv_ipc.ExistentialError:
        return False
    return True


class Bridge(Service):
    def __init__(self, place: Path, board: str, key: int, *arguments: str) -> None:
        command = [str(built("target/release/pegel")), "sysv", "--board", board]
        command += ["--key", hex(key), "--size", str(SIZE), *arguments]
        # A file, as a pipe would fill up when scripts write much that is rejected.
        self.log = place / f"{board}-sysv.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=environment(place), stdin=subprocess.PIPE, stderr=log, text=True
            )
        self.place, self.board = place, board
        wait_until(lambda: self.process.poll() is not None or (is_there(key) and self.status()))

    def status(self) -> dict[str, Any]:
        with pegel.Reader(self.place / f"{self.board}-sysv") as reader:
            return dict(reader.read())

    def end(self) -> str:
        super().end()
        return self.log.read_text()


@contextmanager
def bridged(
    place: Path, board: str, key: int, *arguments: str, complaint: str = ""
) -> Iterator[Bridge]:
    bridge = Bridge(place, board, key, *arguments)
    try:
        yield bridge
        printed = bridge.end()
        assert (complaint in printed) if complaint else not printed
    finally:
        bridge.kill()


@contextmanager
def script(language: str, key: int) -> Iterator[Conversation]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*SCRIPTS[language], str(key)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield Conversation(process)
        finally:
            process.kill()


def shown(talk: Conversation) -> Any:
    text = talk.ask("read")
    return json.loads(text) if text else None


def see(talk: Conversation, record: Any) -> None:
    wait_until(lambda: shown(talk) == record)


def has(reader: pegel.Reader, field: str, value: Any) -> bool:
    return bool(reader.read()[field] == value)


def complaint_of(place: Path) -> str:
    with pegel.Reader(place / "tank-sysv") as reader:
        now = reader.read()
        return str(now["last_failure"]) if now["state"] == "failing" else ""
