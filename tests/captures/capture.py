"""The captures that tests of the station try: the project's own, and a real one if it is there."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.programs import ROOT

VARIABLE = "PEGEL_CAPTURE"


@dataclass(frozen=True)
class Capture:
    """Recorded polls of the HM-600 114181807700, in the format of README.md."""

    name: str
    path: Path
    count: int
    """Polls."""
    spacing: float
    """Median of the seconds between two polls."""

    def polls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


OWN = Capture("own", Path(__file__).with_name("hm600.jsonl"), count=36, spacing=18.0)

_named = os.environ.get(VARIABLE)
REAL = Capture(
    "real",
    Path(_named) if _named else ROOT / "../shared/data/hm600-capture.jsonl",
    count=35,
    spacing=18.0,
)

# A capture that the variable names must exist: without it, the tests fail.
CAPTURES = (OWN, REAL) if _named or REAL.path.exists() else (OWN,)


def summary(tried: Sequence[tuple[str, int]]) -> str:
    """How many polls of which capture a run tried, from the name and the polls of each test."""
    parts = []
    for capture in (OWN, REAL):
        polls = [polls for name, polls in tried if name == capture.name]
        if polls:
            parts.append(f"{capture.name} capture: {max(polls)} polls in {len(polls)} tests")
        elif capture in CAPTURES:
            parts.append(f"{capture.name} capture: not tried")
        else:
            parts.append(f"{capture.name} capture: not there. {VARIABLE} can name its file")
    return "; ".join(parts)
