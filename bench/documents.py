"""A document of about 3 KiB from a Python daemon to a loop in PHP, in Pegel's way and the origin's.

The origin is the solar station that Pegel was made for: System V shared memory, with a semaphore
that is made and removed at every access, and a segment that is removed and made anew when its
length changes.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from helpers.programs import ROOT, Conversation, converse, library
from php.site import extension
from publication import PHP, keys, php_command
from results import OWN, Results

MEASURE = "JSON of 3 KiB, PHP"
# The way of each peer, and the settings of PHP.
PEERS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    OWN: (OWN, list),
    f"{OWN}, extension": (OWN, extension),
    f"{OWN}, extension, decoded each time": (OWN, lambda: [*extension(), "-d", "pegel.cache=0"]),
    "origin": ("origin", list),
}
COUNTS = ("reads", "missing", "torn", "attempts", "failures")


class Rate(NamedTuple):
    """How often the daemon publishes, and for how long in a round."""

    name: str
    hertz: float
    seconds: float


class Pair:
    """A daemon and a reader of the same way."""

    def __init__(self, way: str, daemon: Conversation, reader: Conversation) -> None:
        self.way, self.daemon, self.reader = way, daemon, reader

    def rest(self, document: int, seconds: float) -> dict[str, Any]:
        """The reader, after the daemon published this one."""
        self.daemon.ask(f"{document} 0 0")
        result: dict[str, Any] = json.loads(self.reader.ask(seconds))
        if result["missing"] or result["torn"]:
            raise RuntimeError(f"{self.way} fails though nobody publishes: {result}")
        return result

    def run(self, rate: Rate) -> dict[str, Any]:
        self.reader.say(rate.seconds)
        self.daemon.say(f"1 {rate.hertz} {rate.seconds}")
        result: dict[str, Any] = json.loads(self.daemon.hear()) | json.loads(self.reader.hear())
        if result["p50"] is None:
            raise RuntimeError(f"{self.way}: no read succeeded: {result}")
        if self.way != "origin" and (result["torn"] or result["missing"] or result["failures"]):
            raise RuntimeError(f"{self.way} failed: {result}")
        return result


def pairs(stack: ExitStack) -> list[Pair]:
    environment = os.environ | {
        "BENCH_KEY": str(stack.enter_context(keys(1))),
        "PEGEL_LIBRARY": str(library()),
        "PEGEL_PACKAGE": str(ROOT / "php-ffi"),
    }
    made = []
    for peer, (way, settings) in PEERS.items():
        environment["PEGEL_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
        command = [sys.executable, str(Path(__file__).with_name("document_daemon.py")), way]
        daemon = stack.enter_context(converse(command, environment))
        daemon.hear()
        command = php_command(PHP / "read-documents.php", way, settings=settings())
        made.append(Pair(peer, daemon, stack.enter_context(converse(command, environment))))
    return made


class Runs:
    """The results of one rate: each round of each peer."""

    def __init__(self, rounds: Mapping[str, list[dict[str, Any]]]) -> None:
        self.rounds = rounds

    def figures(self, figure: str) -> dict[str, list[float]]:
        return {peer: [one[figure] for one in runs] for peer, runs in self.rounds.items()}

    def shares(self, parts: tuple[str, ...], whole: str) -> dict[str, list[float]]:
        """In percent."""
        return {
            peer: [100 * sum(one[part] for part in parts) / one[whole] for one in runs]
            for peer, runs in self.rounds.items()
        }

    def notes(self) -> dict[str, str]:
        notes = {}
        for peer, runs in self.rounds.items():
            total = {name: sum(one[name] for one in runs) for name in COUNTS}
            notes[peer] = (
                "of {reads} reads {missing} found nothing and {torn} no whole document;"
                " of {attempts} publications {failures} failed".format(**total)
            )
        return notes

    def add_to(self, results: Results, measure: str) -> None:
        note = "read and decoded in a loop without a pause"
        for percentile in ("p50", "p99"):
            results.add(
                f"{measure}, {percentile}",
                "us",
                self.figures(percentile),
                note=f"{note}; of the reads that succeeded",
                notes=self.notes(),
            )
        for title, parts, whole in (
            ("failed reads", ("missing", "torn"), "reads"),
            ("failed publications", ("failures",), "attempts"),
        ):
            shares = self.shares(parts, whole)
            results.add(f"{measure}, {title}", "%", shares, note=note, notes=self.notes())


def measure_documents(results: Results, rounds: int, at_rest: float, rates: list[Rate]) -> None:
    with ExitStack() as stack:
        all_pairs = pairs(stack)
        for pair in all_pairs:
            pair.rest(1, at_rest)
        rest: dict[str, list[float]] = {pair.way: [] for pair in all_pairs}
        runs: dict[str, dict[str, list[dict[str, Any]]]] = {
            rate.name: {pair.way: [] for pair in all_pairs} for rate in rates
        }
        for number in range(rounds):
            for pair in all_pairs[:: -1 if number % 2 else 1]:
                rest[pair.way].append(pair.rest(number, at_rest)["p50"])
            for rate in rates:
                for pair in all_pairs[:: -1 if number % 2 else 1]:
                    runs[rate.name][pair.way].append(pair.run(rate))
    note = "p50 of read and decode while the daemon rests; each document checked to be whole"
    results.add(MEASURE, "us", rest, note=note)
    for name, by_peer in runs.items():
        Runs(by_peer).add_to(results, f"{MEASURE}, {name}")
