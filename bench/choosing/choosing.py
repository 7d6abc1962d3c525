"""How long the latest value takes by each way that docs/choosing.md compares, in one run.

A writer in a process of its own, a reader in this one, both in Python, a record of eight numbers.
First the reader gets the latest value again and again; then it waits, while the writer publishes
every few milliseconds: from just before each is published until the reader has it. Each is checked.

    .venv/bin/python bench/choosing/choosing.py [--quick]
"""

import argparse
import json
import multiprocessing
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import ways_files
import ways_kernel
import ways_network
import ways_pegel
from way import FIELDS, POLL, Reader, Way, value

WAYS: list[Callable[[Path], Way]] = [
    *ways_files.WAYS,
    *ways_kernel.WAYS,
    *ways_network.WAYS,
    *ways_pegel.WAYS,
]
OUT = Path(__file__).resolve().parents[2] / "target/bench/choosing.jsonl"
# Between two publications, in seconds: not a multiple of any poll interval.
PAUSES = (0.003, 0.037)


@dataclass
class Figures:
    """The figures of a way, in microseconds."""

    way: str
    waiting: str
    get: float
    wait: float
    wait_90: float


def write(way: Way, tasks: Connection) -> None:
    """The writer's process. Tasks are "publish", "go on" until "stop", and an empty one to exit."""
    writer = way.writer()
    try:
        writer.publish(value(1))
        tasks.send("ready")
        pauses = random.Random(1)
        while task := tasks.recv():
            while task == "go on" and not tasks.poll(pauses.uniform(*PAUSES)):
                writer.publish(value(2))
            if task == "publish":
                writer.publish(value(3))
                tasks.send("done")
    finally:
        writer.close()


def measure_gets(way: Way, reader: Reader, writer: Connection, seconds: float) -> float:
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 20:
        if way.is_queue:
            writer.send("publish")
            writer.recv()
        start = time.perf_counter_ns()
        now = reader.get()
        taken.append((time.perf_counter_ns() - start) / 1e3)
        if set(now) != set(FIELDS):
            raise RuntimeError(f"{way.name}: {now} is not a value")
    return statistics.median(taken)


def measure_waits(reader: Reader, writer: Connection, count: int) -> list[float]:
    after = reader.get()["at"]
    taken: list[float] = []
    writer.send("go on")
    # The first wait can include a registration, so it is not counted.
    while len(taken) <= count:
        now = reader.wait(after)
        taken.append((time.monotonic_ns() / 1e9 - now["at"]) * 1e6)
        if now["at"] <= after:
            raise RuntimeError("an old value was taken for a new one")
        after = now["at"]
    writer.send("stop")
    return taken[1:]


def measure(way: Way, seconds: float, count: int) -> Figures:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=write, args=[way, there])
    process.start()
    there.close()
    try:
        here.recv()
        reader = way.reader()
        try:
            get = measure_gets(way, reader, here, seconds)
            waits = sorted(measure_waits(reader, here, count))
        finally:
            reader.close()
        here.send("")
        process.join()
    finally:
        process.kill()
    wait, late = statistics.median(waits), waits[int(len(waits) * 0.9)]
    return Figures(way.name, way.waiting, get, wait, late)


def table(figures: list[Figures]) -> str:
    """Prints the table for the documentation; all rows are compared with the last one."""
    best = figures[-1]
    lines = [
        "| way | get the latest, µs | times Pegel | a change reaches a waiting process, µs "
        "| times Pegel | 90 % within |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        waiting = f" ({one.waiting})" if one.waiting else ""
        lines.append(
            f"| {one.way} | {one.get:,.1f} | {one.get / best.get:,.1f} | {one.wait:,.0f}{waiting} "
            f"| {one.wait / best.wait:,.1f} | {one.wait_90:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    seconds, count = (0.1, 20) if parser.parse_args().quick else (1.0, 200)
    # Processes are spawned: one that is forked beside threads can hang.
    multiprocessing.set_start_method("spawn")
    figures = []
    for kind in WAYS:
        with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="choosing-") as place:
            figures.append(measure(kind(Path(place)), seconds, count))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("".join(json.dumps(one.__dict__) + "\n" for one in figures))
    print(f"Python {platform.python_version()}; who polls does so every {POLL * 1000:.0f} ms.\n")
    print(table(figures))


if __name__ == "__main__":
    main()
