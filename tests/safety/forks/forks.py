"""A writer whose process forks, for test_forks.py: by itself, and by multiprocessing."""

import multiprocessing
import os
import sys

import pytest

import pegel


def use(writer: pegel.Writer) -> None:
    """In a child, which continues with boards that it opens itself."""
    with pytest.raises(pegel.InvalidArgument, match="fork"):
        writer.publish(number=2)
    writer.close()


def read(board: str) -> None:
    assert pegel.Reader(board).read()["number"] == 1
    with pytest.raises(pegel.Locked):
        pegel.Writer.open(board, timeout=0)


def main(board: str) -> None:
    writer = pegel.Writer(board, number=pegel.u64())
    writer.publish(number=1)
    fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
    for process in (
        fork.Process(target=use, args=[writer]),
        fork.Process(target=read, args=[board]),
        spawn.Process(target=read, args=[board]),
    ):
        process.start()
        process.join()
        assert process.exitcode == 0
    print(writer.publish(number=2), flush=True)
    # This one outlives its parent, which is killed once the child says that it is there.
    if os.fork() == 0:
        print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
