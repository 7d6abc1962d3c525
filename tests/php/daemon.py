"""Publishes a thousand times a second and replaces its board twice a second, until its input ends.

Each record shows whether it is whole. The board `config` is replaced by the way, as by one who
changes a schema while pages write it.
"""

import sys
import threading
import time
from itertools import count, cycle

import pegel

COPIES = 40
PERIOD = 0.001
LIFE = 0.5


def create(shape: int) -> pegel.Writer:
    fields = {"count": pegel.u64(), "copies": pegel.u64(count=COPIES), "text": pegel.text(24)}
    more = {f"more{number}": pegel.f64(default=0) for number in range(shape)}
    return pegel.Writer("readings", fields | more, mode=0o664, slots=4 << shape, replace=True)


def replace_config(shape: int) -> None:
    fields = {"saved": pegel.u64(default=0), "twice": pegel.u64(default=0)}
    more = {f"more{number}": pegel.f64(default=0) for number in range(shape)}
    pegel.Writer("config", fields | more, mode=0o664, replace=True, timeout=None).close()


def main() -> None:
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    numbers = count(1)
    for shape in cycle(range(3)):
        replace_config(shape)
        with create(shape) as writer:
            end = time.monotonic() + LIFE
            next_time = time.monotonic()
            while time.monotonic() < end:
                number = next(numbers)
                writer.publish(count=number, copies=[number] * COPIES, text=str(number))
                if number == 1:
                    print("ready", flush=True)
                next_time += PERIOD
                time.sleep(max(0.0, next_time - time.monotonic()))
        if over.is_set():
            break


if __name__ == "__main__":
    main()
