"""The wheel, in an environment that has nothing else."""

import os
import subprocess
import sys
import venv
from pathlib import Path

PYTHON = Path(__file__).parents[1]

USE = """
import asyncio, sys
from typing import Annotated
import pegel

class Tank(pegel.Record):
    level: Annotated[float, pegel.f64("m", min=0)]
    note: Annotated[str, pegel.text(24)] = "new"

with pegel.Writer("tank", Tank) as writer, pegel.Reader("tank", Tank) as reader:
    writer.publish(Tank(level=3.21))
    print(reader.read().as_record(Tank))

    async def follow():
        async for now in reader:
            return now["note"]

    print(asyncio.run(follow()))
assert pegel.__file__.startswith(sys.prefix)
"""


def test_the_wheel_is_all_that_is_needed(tmp_path: Path) -> None:
    def run(*command: str, **environment: str) -> str:
        environment = {**os.environ, **environment}
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    manifest = str(PYTHON / "Cargo.toml")
    build = ["build", "--release", "--locked", "--offline", "-q", "-m", manifest, "-o", "wheels"]
    run(sys.executable, "-m", "maturin", *build)
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert "cp39-abi3-" in wheel.name

    bare = tmp_path / "bare"
    venv.create(bare, symlinks=True, with_pip=False)
    python = str(bare / "bin/python")
    pip = [sys.executable, "-m", "pip", f"--python={python}", "--disable-pip-version-check"]
    run(*pip, "install", "-q", "--no-index", str(wheel))
    nowhere = {"PATH": "", "PYTHONPATH": ""}
    printed = run(python, "-I", "-W", "error", "-c", USE, **nowhere)
    assert printed == "Tank(level=3.21, note='new')\nnew\n"
    listed = run(*pip, "list", "--format=freeze")
    assert listed.splitlines() == [f"pegel=={wheel.name.split('-')[1]}"]
