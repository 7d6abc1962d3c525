"""Reads or publishes a record of 64 bytes TIMES times, or does nothing: `loop.py WAY TIMES`."""

import sys
from collections.abc import Callable

import pegel

FIELDS = {name: pegel.f64() for name in "abcdefgh"}
RECORD = dict.fromkeys(FIELDS, 1.5)


def main() -> None:
    way, times = sys.argv[1:]
    with pegel.Writer("loop", FIELDS) as writer:
        writer.publish(RECORD)
        with pegel.Reader("loop") as reader:
            ways: dict[str, Callable[[], object]] = {
                "nothing": lambda: None,
                # The first access to a value creates all of them.
                "read": lambda: reader.read()["a"],
                "publish": lambda: writer.publish(RECORD),
            }
            do = ways[way]
            for _ in range(int(times)):
                do()


if __name__ == "__main__":
    main()
