"""Hostile inputs for all that parses bytes of others; `make fuzz` tries more."""

from pathlib import Path

import pytest

from fuzz.fuzz import fuzz
from fuzz.targets import TARGETS

# Few for a program that pauses after each.
INPUTS = {"http": 3000, "sysv-json": 40, "sysv-text": 40}


@pytest.mark.parametrize("name", TARGETS)
def test_programs_survive_what_they_are_sent(tmp_path: Path, name: str) -> None:
    outcomes = fuzz(name, 1, tmp_path, lambda done: done < INPUTS.get(name, 500))
    # Else the inputs would end at the first check.
    assert set(outcomes) >= TARGETS[name].outcomes, outcomes
