"""Fixtures of all system tests."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from captures.capture import summary
from durable.machine import Machine
from helpers.mqtt import Broker, Machines
from helpers.programs import MEMCHECK, ROOT, compile_c
from helpers.sysv import remove
from php.site import Site

numbers = itertools.count(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports which captures of an inverter were tried; tests in other processes count, too."""
    tried = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for key, value in report.user_properties
        if key == "capture"
    ]
    if tried:
        terminalreporter.write_line(summary(tried))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that no worker runs one alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """The command of a C program, built once for all tests."""
    directory = tmp_path_factory.mktemp("c")
    programs: dict[str, Path] = {}

    def command(source: str) -> list[str]:
        if source not in programs:
            programs[source] = compile_c(ROOT / source, directory / Path(source).stem)
        return [*MEMCHECK, str(programs[source])]

    return command


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with the PHP package and its boards."""
    # Not below pytest's own directory, which only its user may enter.
    with tempfile.TemporaryDirectory(prefix="pegel-php-") as directory:
        yield Site(Path(directory))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Mosquitto, at a free port."""
    broker = Broker(tmp_path / "broker")
    yield broker
    broker.kill()


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """A directory for boards, and nothing else."""
    place = tmp_path / "boards"
    place.mkdir()
    return place


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    """Two machines, for mirrors."""
    return Machines(tmp_path)


@pytest.fixture
def key() -> Iterator[int]:
    """A System V key of the test; its objects are removed."""
    number = 0x40000000 | os.getpid() << 8 & 0x3FFFFF00 | next(numbers) & 0xFF
    remove(number)
    yield number
    remove(number)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "boards", tmp_path / "disk")
    for directory, variable in ((machine.boards, "PEGEL_DIR"), (machine.disk, "PEGEL_DURABLE_DIR")):
        directory.mkdir()
        monkeypatch.setenv(variable, str(directory))
    return machine
