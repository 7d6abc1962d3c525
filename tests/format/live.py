"""Publishes as fast as it can until its input ends: every record shows whether it is whole."""

import sys
import threading

import pegel


def main(board: str) -> None:
    fields = {"count": pegel.u64(), "negative": pegel.i64(), "copies": pegel.u32(count=60)}
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    with pegel.Writer(board, fields, slots=16) as writer:
        count = 0
        while not over.is_set():
            count += 1
            writer.publish(count=count, negative=-count, copies=[count % 2**32] * 60)
            if count == 1:
                print("ready", flush=True)


main(*sys.argv[1:])
