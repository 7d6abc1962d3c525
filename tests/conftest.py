"""Fixtures of all system tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from programs import ROOT, compile_c


@pytest.fixture(scope="session")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """The command of a C program, built once for all tests."""
    directory = tmp_path_factory.mktemp("c")
    programs: dict[str, Path] = {}

    def command(source: str) -> list[str]:
        if source not in programs:
            programs[source] = compile_c(ROOT / source, directory / Path(source).stem)
        return [str(programs[source])]

    return command
