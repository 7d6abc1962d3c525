"""The quickstart of README, in four languages on one board."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from helpers.programs import ROOT, built, environment, python, run

FILES = {
    "c": "examples/quickstart/tank.c",
    "php": "examples/quickstart/tank.php",
    "python": "examples/quickstart/tank.py",
    "rust": "examples/quickstart/tank.rs",
}
OUTPUT = r"3\.21 m, rising, [0-9.e-]+ n?s old\n"


@pytest.mark.parametrize("language", FILES)
def test_readme_prints_or_links_the_file(language: str) -> None:
    readme = (ROOT / "README.md").read_text()
    if language == "python":
        (block,) = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
        assert block == (ROOT / FILES[language]).read_text()
    else:
        assert f"]({FILES[language]})" in readme


def test_the_printed_schema_creates_its_board(tmp_path: Path) -> None:
    page = (ROOT / "docs/program.md").read_text()
    (schema,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.toml").write_text(schema)
    program = str(built("target/release/pegel"))
    for arguments in (["create", "config.toml"], ["schema", "config"]):
        done = run([program, *arguments], environment(tmp_path), tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert set(schema.splitlines()[1:]) <= set(done.stdout.splitlines())
    assert dict(pegel.Reader(tmp_path / "config").read()) == {"interval": 5.0, "price": None}


def test_all_languages_share_the_board(
    tmp_path: Path, c_program: Callable[[str], list[str]]
) -> None:
    # The PHP program finds the package where composer would have put it.
    autoload = tmp_path / "vendor/autoload.php"
    autoload.parent.mkdir()
    autoload.write_text(f"<?php require '{ROOT}/php-ffi/autoload.php';")
    commands = {
        "c": c_program(FILES["c"]),
        "php": ["php", str(ROOT / FILES["php"])],
        "python": python(FILES["python"]),
        "rust": [str(built("target/release/quickstart"))],
    }
    # Each takes over what the one before created: all describe the same board.
    for turn, language in enumerate([*commands, *reversed(commands)], 1):
        done = run(commands[language], environment(tmp_path), tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), language
        assert re.fullmatch(OUTPUT, done.stdout), f"{language}: {done.stdout}"
        now = pegel.Reader(tmp_path / "tank").read()
        assert (now.sequence, now.generation) == (turn, turn)
        assert dict(now) == {"level": 3.21, "rain": True, "note": "rising"}


def test_the_german_readme_runs_as_printed(tmp_path: Path) -> None:
    readme = (ROOT / "README.de.md").read_text(encoding="utf-8")
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "autoload.php").write_text(f"<?php require '{ROOT}/php-ffi/autoload.php';")
    for language, command in (("python", sys.executable), ("php", "php")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
        script = tmp_path / f"dach.{language}"
        script.write_text(block, encoding="utf-8")
        done = run([command, str(script)], environment(tmp_path), tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert re.fullmatch(r"21\.8 W, vor \d+ s gemessen\n", done.stdout)
