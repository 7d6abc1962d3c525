"""What all ways of sharing a latest value have in common, as they are measured."""

import os
import time
from abc import ABC, abstractmethod
from pathlib import Path

Value = dict[str, float]

# What a page shows: a record of eight numbers, with the moment of its publication.
FIELDS = ("at", "power", "voltage", "current", "frequency", "temperature", "today", "total")
# How often one looks who cannot wait.
POLL = 0.01


def value(number: float) -> Value:
    """A value of this moment."""
    return dict.fromkeys(FIELDS, number) | {"at": time.monotonic_ns() / 1e9}


class End:
    """What leaves nothing behind."""

    def close(self) -> None:
        return


class Writer(End, ABC):
    """Lives in a process of its own."""

    @abstractmethod
    def publish(self, now: Value) -> None: ...


class Reader(End, ABC):
    @abstractmethod
    def get(self) -> Value:
        """The latest value."""

    @abstractmethod
    def wait(self, after: float) -> Value:
        """The first value that is newer than that of a moment, as soon as it is there."""


class Polled(Reader):
    """Of what tells nobody that it changed."""

    def wait(self, after: float) -> Value:
        while (now := self.get())["at"] <= after:
            time.sleep(POLL)
        return now


class Queued(Reader):
    """Of what hands over each value once: the latest is the last of those that have come."""

    @abstractmethod
    def take(self, *, waits: bool) -> Value | None:
        """The next value; none if there is none, and it does not wait."""

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
    # Whether a value is gone once it was read: then each `get` that is measured finds one.
    is_queue = False
    # How one who waits does it, if not in his sleep.
    waiting = ""

    def __init__(self, place: Path) -> None:
        self.place = place
        # Names that this run alone has, for what is no file.
        self.key = 0x50000000 | os.getpid() & 0xFFFFFF
        self.title = f"/choosing.{os.getpid()}"

    @abstractmethod
    def writer(self) -> Writer:
        """Made first."""

    @abstractmethod
    def reader(self) -> Reader: ...
