"""A user that can only read a board cannot disturb other processes."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import pegel
from helpers.programs import ROOT, WATCHDOG

REFUSED = {
    "open to write": "EACCES",
    "write": "EBADF",
    "truncate": "EINVAL",
    "truncate by name": "EACCES",
    "map to write": "EACCES",
    "change the mode": "EPERM",
    "unlink": "EACCES",
    "rename over": "EACCES",
    "open the lock": "EACCES",
    "unlink the lock": "EACCES",
    "exclusive lock": "EBADF",
    "exclusive lock of a process": "EBADF",
}
MAY = {"shared lock", "flock", "wake"}


@pytest.fixture
def tank() -> Iterator[Path]:
    """A board that all users can read, in a directory that only this user can write."""
    # Not below pytest's directory, which only its user can enter.
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="pegel-denial-") as directory:
        Path(directory).chmod(0o755)
        shutil.copy(ROOT / "tests/safety/denial/intruder.py", directory)
        yield Path(directory) / "tank"


def test_a_mere_reader_cannot_disturb(tank: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("this needs another user: run it as root")
    writer = pegel.Writer(tank, level=pegel.f64(), mode=0o644)
    writer.publish(level=1.0)
    command = ["/usr/bin/python3", str(tank.parent / "intruder.py"), str(writer.path)]
    with subprocess.Popen(
        command, user="nobody", group="nogroup", extra_groups=[], stdout=subprocess.PIPE, text=True
    ) as intruder:
        try:
            assert intruder.stdout
            reported = json.loads(intruder.stdout.readline())
            assert {name for name, what in reported.items() if what == "done"} <= MAY
            assert {name: reported[name] for name in REFUSED} == REFUSED
            go_on(tank, writer)
            assert intruder.poll() is None
        finally:
            intruder.kill()
    assert {file.name for file in tank.parent.iterdir()} == {
        "pegel.tank",
        "pegel.tank.lock",
        "intruder.py",
    }


def go_on(tank: Path, writer: pegel.Writer) -> None:
    """Uses a board in all ways, while a reader holds locks where it can and wakes waiters."""
    reader = pegel.Reader(tank)
    with pytest.raises(pegel.Timeout):
        reader.wait(1, timeout=0.2)
    for number in range(2, 1000):
        assert writer.publish(level=number) == number
        assert reader.read()["level"] == number
    waited: list[int] = []
    waiter = threading.Thread(target=lambda: waited.append(reader.wait(999, timeout=WATCHDOG)))
    waiter.start()
    writer.publish(level=1000)
    waiter.join()
    assert waited == [1000]
    writer.close()

    with pegel.Writer.open(tank, timeout=0) as successor:
        successor.update(level=1001)
    with pegel.Writer(tank, level=pegel.f64(), wind=pegel.f32(optional=True)) as grown:
        grown.publish(level=1002)
    with pytest.raises(pegel.Gone):
        reader.last(1)
    with pegel.Writer(tank, other=pegel.u8(), replace=True) as replaced:
        assert replaced.publish(other=1) == 1003
    pegel.unlink(tank)
    with pegel.Writer(tank, level=pegel.f64()) as again:
        assert again.publish(level=1) == 1
