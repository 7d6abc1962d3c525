"""Tries one thing with a board for test_bad_boards.py: prints the status and its message."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pegel

TANK = {"level": pegel.f64("m"), "rain": pegel.bool_(), "note": pegel.text(24)}
RECORD = {"level": 3.21, "rain": True, "note": "rising"}


def lose(board: str) -> object:
    reader = pegel.Reader(board)
    pegel.unlink(board)
    return reader.read()


def lose_lock(board: str) -> object:
    """Somebody removes the lock file alone."""
    writer = pegel.Writer.open(board, timeout=0)
    writer.publish(RECORD)
    Path(os.environ["PEGEL_DIR"], f"pegel.{board}.lock").unlink()
    while True:
        writer.publish(RECORD)


ACTIONS: dict[str, Callable[[str], object]] = {
    "create": lambda board: pegel.Writer(board, TANK).publish(RECORD),
    "differ": lambda board: pegel.Writer(board, level=pegel.f64("cm")),
    "unlink": pegel.unlink,
    "write": lambda board: pegel.Writer.open(board, timeout=0).publish(RECORD),
    "conflict": lambda board: pegel.Writer.open(board, timeout=0).publish_if(1000, RECORD),
    "read": lambda board: pegel.Reader(board).read(),
    "read_at": lambda board: pegel.Reader(board).read_at(1000),
    "wait": lambda board: pegel.Reader(board).wait(1000, timeout=1e-6),
    "lose": lose,
    "lose_lock": lose_lock,
}

try:
    ACTIONS[sys.argv[1]](sys.argv[2])
    print("0\t")
except pegel.Error as error:
    print(error.code, error, sep="\t")
