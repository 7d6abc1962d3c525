"""The stubs: complete, true to the module, and strict."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

PYTHON = Path(__file__).parents[1]


def check(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    # Pyright would ask the net for newer versions of itself.
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    result = subprocess.run(
        command, cwd=PYTHON, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_and_its_use_are_typed(tmp_path: Path) -> None:
    check("mypy", "--strict", f"--cache-dir={tmp_path}", "pegel", "tests")


def test_pyright_agrees() -> None:
    check("pyright", f"--pythonpath={sys.executable}", "pegel", "tests/typing_api.py")


def test_the_stubs_are_the_modules(tmp_path: Path) -> None:
    configuration = tmp_path / "mypy.ini"
    configuration.write_text(f"[mypy]\ncache_dir = {tmp_path}\n")
    check("mypy.stubtest", "pegel", f"--mypy-config-file={configuration}")
