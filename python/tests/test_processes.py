"""Boards between processes: crashes, shared boards, and children."""

import subprocess
import textwrap
from typing import Callable

import pegel

Start = Callable[..., "subprocess.Popen[str]"]

FLAT_OUT = """
import sys
import pegel
with pegel.Writer("pair", a=pegel.u64(), text=pegel.text(200), b=pegel.u64()) as writer:
    n = int(sys.argv[1])
    writer.publish(a=n, text=str(n) * 9, b=n)
    print("ready", flush=True)
    while True:
        n += 1
        writer.publish(a=n, text=str(n) * 9, b=n)
"""


def whole(now: pegel.Snapshot) -> bool:
    a, text, b = now.values()
    return bool(a == b and text == str(a) * 9)


def test_readers_see_whole_records_whenever_writers_are_killed(start: Start) -> None:
    newest, reader = 0, None
    for life in range(1, 11):
        writer = start(FLAT_OUT, str(newest))
        reader = reader or pegel.Reader("pair")
        for _ in range(200):
            now = reader.read()
            assert whole(now)
            assert now["a"] >= newest
            newest = now["a"]
        assert reader.writer_alive
        writer.kill()
        writer.wait()
        assert not reader.writer_alive
        last = reader.read()
        assert whole(last)
        assert not last.writer_alive
        assert last.generation == life
        assert last.stamp.retries == 0
        newest = last["a"]


def test_writers_take_turns(start: Start) -> None:
    with pegel.Writer("count", n=pegel.u64()) as writer:
        writer.publish(n=0)
        turns = """
            import pegel
            print("ready", flush=True)
            for _ in range(50):
                with pegel.Writer.open("count", timeout=None) as writer:
                    writer.update(lambda record: {"n": record["n"] + 1})
        """
        processes = [start(textwrap.dedent(turns)) for _ in range(4)]
    for process in processes:
        assert process.wait() == 0
    now = pegel.Reader("count").read()
    assert now["n"] == 200
    assert now.sequence == 201
    assert now.generation == 201


FORK = """
import os
import pegel

writer = pegel.Writer("count", n=pegel.u64())
writer.publish(n=1)
print("ready", flush=True)
child = os.fork()
if child == 0:
    for publish in (
        lambda: writer.publish(n=2),
        lambda: writer.publish_if(1, n=2),
        lambda: writer.publish_bytes(bytes(8)),
        lambda: writer.update(n=2),
    ):
        try:
            publish()
        except pegel.InvalidArgument as error:
            print(error, flush=True)
    print(pegel.Reader("count").read()["n"], flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(writer.publish(n=3), flush=True)
"""


def test_a_forked_child_cannot_publish_but_read(start: Start) -> None:
    process = start(FORK)
    printed = process.communicate()[0].splitlines()
    assert process.returncode == 0
    assert len(printed) == 6
    for line in printed[:4]:
        assert "count" in line
        assert "fork" in line
    assert printed[4:] == ["1", "2"]


def test_a_forked_child_does_not_keep_the_board(start: Start) -> None:
    parent = start("""
import os
import pegel
writer = pegel.Writer("count", n=pegel.u64())
if os.fork() == 0:
    print("ready", flush=True)
    print(pegel.Reader("count").wait(0), flush=True)
    os._exit(0)
os.wait()
""")
    reader = pegel.Reader("count")
    assert reader.writer_alive
    parent.kill()
    parent.wait()
    assert not reader.writer_alive
    with pegel.Writer.open("count", timeout=0) as writer:
        writer.publish(n=1)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "1\n"


def test_a_program_that_another_one_starts_does_not_keep_the_board(start: Start) -> None:
    parent = start("""
import subprocess, sys
import pegel
with pegel.Writer("count", n=pegel.u64()) as writer:
    program = "print('ready', flush=True); import sys; sys.stdin.read()"
    command = [sys.executable, "-c", program]
    subprocess.Popen(command, stdin=subprocess.PIPE, close_fds=False).wait()
""")
    reader = pegel.Reader("count")
    assert reader.writer_alive
    parent.kill()
    parent.wait()
    assert not reader.writer_alive
    pegel.Writer.open("count", timeout=0).close()


def test_an_exit_without_closing_lets_the_board_go(start: Start) -> None:
    start(
        "import pegel; w = pegel.Writer('count', n=pegel.u64()); print('ready', flush=True)"
    ).wait()
    pegel.Writer.open("count", timeout=0).close()
