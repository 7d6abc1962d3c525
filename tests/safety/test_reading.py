"""Ways to read that only C has, and records without a stamp in all languages."""

import json
import math
from pathlib import Path

import pytest

import pegel
from helpers.programs import MEMCHECK, ROOT, built, compile_c, environment, php, run


@pytest.fixture
def reading(tmp_path: Path) -> list[str]:
    return [
        *MEMCHECK,
        str(compile_c(ROOT / "tests/safety/reading/reading.c", tmp_path / "reading")),
    ]


def test_parts_of_records_and_boards_that_stay_open_gcc(reading: list[str], tmp_path: Path) -> None:
    done = run(reading, environment(tmp_path), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_record_without_a_stamp_has_no_age_in_all_languages(
    reading: list[str], tmp_path: Path
) -> None:
    assert run([*reading, "leave"], environment(tmp_path)).returncode == 0
    with pegel.Reader(tmp_path / "parts") as reader:
        snapshot = reader.read()
    assert (snapshot.age, snapshot.stamp.age) == (math.inf, math.inf)
    done = run(php("tests/safety/reading/age.php"), environment(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "INF null", "")
    done = run(
        [str(built("target/release/pegel")), "show", "parts", "--json"], environment(tmp_path)
    )
    assert (json.loads(done.stdout)["age"], done.stderr) == (None, "")
