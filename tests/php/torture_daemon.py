"""Publishes a record and a document, replaces and removes their boards, until its input ends.

A file says what pages must see: the number that was published last, and whether the boards are
there, are not, or are just about to change. Boards also rest, so that several requests see the same
document.
"""

import json
import os
import sys
import threading
import time
from itertools import count
from pathlib import Path

import pegel

COPIES = 40
PERIOD = 0.001
# Seconds for which boards live, and for which there are none.
LIFE = 0.1
ABSENCE = 0.02

DIRECTORY = Path(os.environ["PEGEL_DIR"])


class State:
    """What pages must see; they look at it before and after they read."""

    def __init__(self) -> None:
        self.number = 0
        self.change = 0
        self.file = os.open(DIRECTORY / "state", os.O_CREAT | os.O_WRONLY, 0o644)
        self.enter("changing")

    def enter(self, name: str) -> None:
        self.change += 1
        self.name = name
        self.write()

    def publish(self, number: int) -> None:
        self.number = number
        self.write()

    def write(self) -> None:
        os.pwrite(self.file, f"{self.number:020} {self.change:020} {self.name:8}".encode(), 0)


def record(shape: int) -> pegel.Writer:
    fields = {"count": pegel.u64(), "copies": pegel.u64(count=COPIES), "text": pegel.text(24)}
    more = {f"more{number}": pegel.f64(default=0) for number in range(shape)}
    return pegel.Writer("record", fields | more, mode=0o664, slots=4 << shape, replace=True)


def document(shape: int) -> pegel.Writer:
    return pegel.Writer("document", pegel.json(4096 << shape), mode=0o664, replace=True)


def live(state: State, shape: int) -> None:
    """Boards for a while: they are published all the time, then they rest."""
    end = time.monotonic() + LIFE
    with record(shape) as numbers, document(shape) as texts:
        while (now := time.monotonic()) < end:
            if end - now > LIFE / 2 or state.name == "changing":
                number = state.number + 1
                value = {"count": number, "copies": [number] * COPIES, "text": str(number)}
                numbers.publish(**value)
                texts.publish_bytes(json.dumps(value).encode())
                state.publish(number)
            if state.name == "changing":
                state.enter("there")
            time.sleep(PERIOD)
        state.enter("changing")


def remove(state: State, by_hand: bool) -> None:
    for name in ("record", "document"):
        if by_hand:
            (DIRECTORY / f"pegel.{name}").unlink()
        else:
            pegel.unlink(name)
    state.enter("absent")
    time.sleep(ABSENCE)
    state.enter("changing")


def main() -> None:
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    state = State()
    for life in count(1):
        live(state, life % 3)
        if life == 1:
            print("ready", flush=True)
        if over.is_set():
            break
        if life % 2 == 0:
            remove(state, by_hand=life % 4 == 0)


if __name__ == "__main__":
    main()
