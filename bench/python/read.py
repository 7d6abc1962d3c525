"""How fast a record of eight fields and 256 bytes becomes Python objects, beside other ways.

Each way ends with all values by name, which is checked in each round. Nobody publishes meanwhile.
Needs the package `pegel`, what requirements.txt names, and libpegel: `make bench-languages`.

    PYTHONPATH=bench .venv/bin/python bench/python/read.py [--quick]
"""

import argparse
import importlib.metadata
import platform
import signal
import sqlite3
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter_ns

import pegel
from record import BOARD, FIELDS, PACKED, RECORD
from results import Results, take_turns
from ways import WAYS, Read

MEASURE = "decode 8 fields, Python"
BATCH = 1000


class Turn:
    """One way in one round."""

    def __init__(self, name: str, read: Read, seconds: float) -> None:
        self.name, self.read, self.seconds = name, read, seconds

    def __call__(self) -> float:
        """Microseconds of a read: the median of batches."""
        if self.read() != RECORD:
            raise RuntimeError(f"{self.name} reads another record")
        read, batches = self.read, []
        end = perf_counter_ns() + int(self.seconds * 1e9)
        now = 0
        while now < end:
            start = perf_counter_ns()
            for _ in range(BATCH):
                read()
            now = perf_counter_ns()
            batches.append((now - start) / BATCH / 1e3)
        return statistics.median(batches)


def main() -> None:
    # On SIGTERM, exit normally, so that all that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="shorter turns")
    seconds, rounds = (0.05, 5) if parser.parse_args().quick else (0.3, 9)
    packages = {
        name: importlib.metadata.version(name) for name in ("cffi", "sysv_ipc", "posix_ipc")
    }
    results = Results(
        "python",
        {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, **packages},
    )
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        writer = stack.enter_context(pegel.Writer(place / BOARD, FIELDS))
        writer.publish(RECORD)
        if writer.read().bytes != PACKED:
            raise RuntimeError("the board's record is laid out otherwise than the peers'")
        turns = {
            name: Turn(name, stack.enter_context(open_way(place)), seconds)
            for name, open_way in WAYS.items()
        }
        for turn in turns.values():
            turn()
        figures = take_turns(rounds, turns)
    note = "warm, opened once, nobody publishes meanwhile; files in /dev/shm; values checked"
    results.add(MEASURE, "us", figures, size=len(PACKED), note=note)
    results.save()


if __name__ == "__main__":
    main()
