"""Kills, stops and continues writers and readers of all languages at random, and prints a table.

    python -m safety.campaign.campaign [--minutes MINUTES] [--seed SEED] [--fault FAULT]

It fails if one record was torn, lost or repeated, or a process got stuck. The seed decides which
process is struck and when, but not what the processes are doing then. With a FAULT, which is the
name of one of these four, the writers in C have it, and the campaign must fail.
"""

import argparse
import random
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.programs import WATCHDOG
from safety.campaign.counters import FAULTS, Tally
from safety.campaign.one_writer import OneWriter
from safety.campaign.scenario import NoProgressError, Setting, Stage
from safety.campaign.shared_board import Counter, SharedRecords
from safety.campaign.workers import Cast

# Words of a pattern that make a record of 64 bytes and one of 1 KiB.
SMALL, LARGE = 12, 252
# Each form of a board, and its part of the time.
FORMS: list[tuple[Callable[[Setting], Stage], float]] = [
    (partial(OneWriter, words=SMALL), 0.3),
    (partial(OneWriter, words=LARGE), 0.3),
    (partial(SharedRecords, words=SMALL), 0.15),
    (partial(SharedRecords, words=LARGE), 0.15),
    (partial(Counter, role="update"), 0.05),
    (partial(Counter, role="publish_if"), 0.05),
]


def run(
    seconds: float,
    seed: int,
    fault: str = "",
    patience: float = WATCHDOG,
    is_enough: Callable[[Tally], object] = lambda _: True,
) -> Tally:
    """Plays each form for its part of the time, and all of them again until that is enough."""
    tally, chance = Tally(), random.Random(seed)
    while True:
        with TemporaryDirectory(prefix="pegel-campaign-", dir="/dev/shm") as directory:
            setting = Setting(Cast(Path(directory), fault), tally, chance, patience)
            for form, part in FORMS:
                with closing(form(setting)) as stage:
                    try:
                        stage.play(part * seconds)
                    except NoProgressError:
                        # It is counted, and there is nothing more to learn on that board.
                        continue
        if is_enough(tally):
            return tally


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--fault", choices=FAULTS, default="")
    arguments = parser.parse_args()
    # Ends no other way than by cleaning up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"SEED={arguments.seed}", flush=True)
    tally = run(arguments.minutes * 60, arguments.seed, arguments.fault)
    print(tally.table())
    faults = tally.faults()
    if faults:
        sys.exit(f"{tally.kills()} kills: {faults}")
    print(f"{tally.kills()} kills, and no record torn, lost or repeated, and nobody stuck")


if __name__ == "__main__":
    main()
