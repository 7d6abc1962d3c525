"""Keeps the station's boards over a reboot: as snapshot files, by the program `pegel`.

What the pages write is saved at each change; what changes all the time, every ten minutes and at
the end. With --restore, boards that are not there are made of their files, and it ends: before the
launcher, and before the first page.
"""

import argparse
import logging
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import boards
import pegel

BY_TURNS: Final = ("config", "control", "service")
PERIOD: Final = 600.0
"""Seconds between two times that the daemon's boards are saved."""
KINDS: Final = ("inverter-", "events-", "today", "meter")

log = logging.getLogger("keeper")


class Keeper:
    def __init__(self, program: str, directory: Path) -> None:
        self._program, self._directory = program, directory

    def _file(self, board: str) -> Path:
        return self._directory / f"{board}.snapshot"

    def restore(self) -> int:
        """Makes the boards that are not there; how many could not be made."""
        failed = 0
        there = pegel.boards()
        for file in sorted(self._directory.glob("*.snapshot")):
            if file.stem not in there:
                turns = ("--mode", "0660") if file.stem in BY_TURNS else ()
                failed += not self._run("load", str(file), file.stem, *turns)
        return failed

    def save(self, board: str) -> None:
        try:
            if pegel.Reader(board).sequence > 0:
                self._run("dump", board, "--snapshot", str(self._file(board)))
        except pegel.NotFound:
            return
        except pegel.Error as error:
            log.warning("%s", error)

    def save_all(self) -> None:
        for board in pegel.boards():
            if board in BY_TURNS or board.startswith(KINDS):
                self.save(board)

    def _run(self, *words: str) -> bool:
        done = subprocess.run([self._program, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.warning("%s", done.stderr.strip())
        return done.returncode == 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--directory", type=Path, required=True, help="where the files are")
    options.add_argument("--program", default="pegel", help="the program `pegel`")
    options.add_argument("--restore", action="store_true", help="make boards of files, and end")
    given = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    keeper = Keeper(given.program, given.directory)
    if given.restore:
        return 1 if keeper.restore() else 0
    changed: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: changed.put(None))
    for board in BY_TURNS:
        boards.follow(board, lambda _, board=board: changed.put(board))  # type: ignore[misc]
    due = time.monotonic()
    while True:
        try:
            told = changed.get(timeout=max(0.0, due - time.monotonic()))
        except queue.Empty:
            keeper.save_all()
            due = time.monotonic() + PERIOD
            continue
        if told is None:
            keeper.save_all()
            return 0
        keeper.save(told)


if __name__ == "__main__":
    sys.exit(main())
