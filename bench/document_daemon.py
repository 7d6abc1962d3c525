"""A daemon that publishes documents of about 3 KiB, each with another length than the one before.

Its input is the number of the first document, a rate (publications a second, 0: as many as
possible) and a time in seconds. It prints how many publications it tried, one at least, and how
many failed.

    document_daemon.py pegel|origin
"""

import itertools
import json
import math
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sysv_ipc

import pegel

BOARD, CAPACITY = "document", 4096
KEY = int(os.environ["BENCH_KEY"])
Publish = Callable[[bytes], object]


def bodies() -> list[bytes]:
    """The readings of a few inverters, of irregular lengths."""
    strings = [
        {"voltage": 33.5, "current": 5.75, "power": 192.625, "today": 1234, "total": 5678.9},
        {"voltage": 33.25, "current": 5.5, "power": 182.875, "today": 1201, "total": 5432.1},
    ]
    inverters = [
        {
            "serial": f"1141807{number:05}",
            "power": 371.5 + number,
            "voltage": 231.25,
            "current": 1.625,
            "frequency": 50.0,
            "strings": strings,
        }
        for number in range(9)
    ]
    text = json.dumps({"inverters": inverters})[1:-1]
    return [f'{text},"log":"{"x" * (step * 37 % 800)}"'.encode() for step in range(100)]


def documents(first: int) -> Iterator[bytes]:
    """From a number on, each with that number at both ends and a checksum."""
    all_bodies = bodies()
    for number in itertools.count(first):
        checked = b'{"counter":%d,%b' % (number, all_bodies[number % len(all_bodies)])
        yield b'%b,"checksum":%d,"end":%d}' % (checked, zlib.crc32(checked), number)


@contextmanager
def by_pegel() -> Iterator[Publish]:
    with pegel.Writer(BOARD, pegel.json(CAPACITY)) as writer:
        yield writer.publish_bytes


@contextmanager
def by_origin() -> Iterator[Publish]:
    """A semaphore created and removed at every access, and a new segment for each length."""
    segment: sysv_ipc.SharedMemory | None = None

    def publish(document: bytes) -> None:
        nonlocal segment
        try:
            semaphore = sysv_ipc.Semaphore(KEY, sysv_ipc.IPC_CREX, mode=0o666, initial_value=1)
        except sysv_ipc.ExistentialError:
            semaphore = sysv_ipc.Semaphore(KEY)
        semaphore.acquire(timeout=1)
        if segment is None or segment.size != len(document):
            if segment is not None:
                segment.detach()
                segment.remove()
                segment = None
            segment = sysv_ipc.SharedMemory(KEY, sysv_ipc.IPC_CREX, mode=0o666, size=len(document))
        segment.write(document)
        semaphore.release()
        semaphore.remove()

    yield publish


def publish_for(publish: Publish, first: int, rate: float, seconds: float) -> dict[str, int]:
    attempts = failures = 0
    begin = now = time.monotonic()
    for document in documents(first):
        if rate:
            time.sleep(max(0.0, begin + (attempts + 0.5) / rate - now))
        attempts += 1
        try:
            publish(document)
        except (sysv_ipc.Error, pegel.Error):
            failures += 1
        now = time.monotonic()
        if now + 0.5 / (rate or math.inf) >= begin + seconds:
            break
    return {"attempts": attempts, "failures": failures}


def main() -> None:
    ways = {"pegel": by_pegel, "origin": by_origin}
    with ways[sys.argv[1]]() as publish:
        publish(next(documents(0)))
        print("ready", flush=True)
        for line in sys.stdin:
            first, rate, seconds = line.split()
            done = publish_for(publish, int(first), float(rate), float(seconds))
            print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
