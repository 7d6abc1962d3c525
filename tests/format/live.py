"""Publishes as fast as it can until its input ends: every record shows whether it is whole."""

import struct
import sys
import threading
from itertools import cycle

import pegel

COPIES = 500
# Made before, so that publishing them laps the ring while a reader copies a slot.
RECORDS = 1024


def main(board: str) -> None:
    fields = {"count": pegel.u64(), "negative": pegel.i64(), "copies": pegel.u64(count=COPIES)}
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    records = [
        struct.pack(f"=Qq{COPIES}Q", count, -count, *[count] * COPIES) for count in range(RECORDS)
    ]
    with pegel.Writer(board, fields, slots=4) as writer:
        # The first sequence is 1.
        writer.publish_bytes(records[1])
        print("ready", flush=True)
        for record in cycle(records[2:] + records[:2]):
            writer.publish_bytes(record)
            if over.is_set():
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
