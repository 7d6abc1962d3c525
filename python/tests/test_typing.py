"""The stubs: complete, true to the module, and strict."""

import subprocess
import sys
from pathlib import Path

PYTHON = Path(__file__).parents[1]


def check(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, cwd=PYTHON, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_and_its_use_are_typed(tmp_path: Path) -> None:
    check("mypy", "--strict", f"--cache-dir={tmp_path}", "pegel", "tests")


def test_the_stubs_are_the_modules(tmp_path: Path) -> None:
    configuration = tmp_path / "mypy.ini"
    configuration.write_text(f"[mypy]\ncache_dir = {tmp_path}\n")
    check("mypy.stubtest", "pegel", f"--mypy-config-file={configuration}")
