"""What the measured ways of sharing a latest value have in common."""

import os
import time
from abc import ABC, abstractmethod
from pathlib import Path

Value = dict[str, float]

# The values of a page: a record of eight numbers, with the time of its publication.
FIELDS = ("at", "power", "voltage", "current", "frequency", "temperature", "today", "total")
# The poll interval of ways that cannot wait.
POLL = 0.01


def value(number: float) -> Value:
    """A value with the current time."""
    return dict.fromkeys(FIELDS, number) | {"at": time.monotonic_ns() / 1e9}


class End:
    """An object that removes all that it created."""

    def close(self) -> None:
        return


class Writer(End, ABC):
    """The writer, in a separate process."""

    @abstractmethod
    def publish(self, now: Value) -> None: ...


class Reader(End, ABC):
    @abstractmethod
    def get(self) -> Value:
        """The latest value."""

    @abstractmethod
    def wait(self, after: float) -> Value:
        """Waits for the first value that is newer than a time."""


class Polled(Reader):
    """A way without notification of changes."""

    def wait(self, after: float) -> Value:
        while (now := self.get())["at"] <= after:
            time.sleep(POLL)
        return now


class Queued(Reader):
    """A way that delivers each value once: the latest is the last one that has come."""

    @abstractmethod
    def take(self, *, waits: bool) -> Value | None:
        """The next value, or None; does not wait."""

    def __init__(self) -> None:
        self.latest = value(0)

    def get(self) -> Value:
        while (now := self.take(waits=False)) is not None:
            self.latest = now
        return self.latest

    def wait(self, after: float) -> Value:
        while (now := self.take(waits=True)) is None or now["at"] <= after:
            pass
        return now


class Way(ABC):
    """A way of sharing, by its name in the table."""

    name: str
    # Whether reading removes a value: then one is published before each measured `get`.
    is_queue = False
    # How a waiter waits, if not by sleeping.
    waiting = ""

    def __init__(self, place: Path) -> None:
        self.place = place
        # Unique names for objects that are not files.
        self.key = 0x50000000 | os.getpid() & 0xFFFFFF
        self.title = f"/choosing.{os.getpid()}"

    @abstractmethod
    def writer(self) -> Writer:
        """Creates the writer, before the reader."""

    @abstractmethod
    def reader(self) -> Reader: ...
