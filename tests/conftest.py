"""Fixtures of all system tests."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durable.machine import Machine
from php_binding.php import Site
from programs import MEMCHECK, ROOT, compile_c


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
    """Where PHP finds the package, and its boards."""
    # Not below pytest's own directory, which only its user may enter.
    with tempfile.TemporaryDirectory(prefix="pegel-php-") as directory:
        yield Site(Path(directory))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "boards", tmp_path / "disk")
    for directory, variable in ((machine.boards, "PEGEL_DIR"), (machine.disk, "PEGEL_DURABLE_DIR")):
        directory.mkdir()
        monkeypatch.setenv(variable, str(directory))
    return machine
