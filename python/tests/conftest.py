"""Separate boards for each test, and other processes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the test's boards, also for the processes that it starts."""
    monkeypatch.setenv("PEGEL_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program, and returns when it has said `ready`."""
    processes = []

    def start(program: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
