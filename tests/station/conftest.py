"""A solar station for each test: installed in a directory of its own, started piece by piece."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import Station, installed
from programs import ROOT

CAPTURE = ROOT / "../shared/data/hm600-capture.jsonl"


@pytest.fixture
def station() -> Iterator[Station]:
    with installed() as station:
        yield station


@pytest.fixture(scope="session")
def capture() -> Path:
    """Real polls of a real inverter, which live beside the repository."""
    if not CAPTURE.exists():
        pytest.fail(f"{CAPTURE} is missing: these tests need the recorded polls of an inverter")
    return CAPTURE


@pytest.fixture(scope="session")
def polls(capture: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.read_text().splitlines()]
