"""Waiting for publications: with other threads, signals, and boards that come and go."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import pegel

Start = Callable[..., "subprocess.Popen[str]"]

FOREVER = 1e300


@pytest.fixture
def writer() -> Iterator[pegel.Writer]:
    with pegel.Writer("count", n=pegel.u64()) as writer:
        yield writer


@pytest.fixture
def reader(writer: pegel.Writer) -> Iterator[pegel.Reader]:
    with pegel.Reader("count") as reader:
        yield reader


WAITS: dict[str, Callable[[pegel.Reader], object]] = {
    "wait": lambda reader: reader.wait(reader.sequence),
    "wait long": lambda reader: reader.wait(reader.sequence, FOREVER),
    "follow": lambda reader: list(reader.follow(after=reader.sequence)),
    "open": lambda _: pegel.Writer.open("count"),
}


def in_thread(task: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=task, daemon=True)
    thread.start()
    return thread


def test_no_wait_for_what_is_there(writer: pegel.Writer, reader: pegel.Reader) -> None:
    writer.publish(n=1)
    assert reader.wait(0) == 1
    assert reader.wait(0, timeout=0) == 1


@pytest.mark.parametrize("timeout", [0, 0.01, 0.3])
def test_time_runs_out(writer: pegel.Writer, reader: pegel.Reader, timeout: float) -> None:
    writer.publish(n=1)
    with pytest.raises(pegel.Timeout, match="count") as caught:
        reader.wait(1, timeout)
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(pegel.Timeout, match="count"):
        reader.wait(2**64 - 1, timeout)
    assert [now["n"] for now in reader.follow(timeout=timeout)] == [1]
    with pytest.raises(pegel.Locked, match="count"):
        pegel.Writer.open("count", timeout)


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan")])
def test_times_that_are_none(reader: pegel.Reader, timeout: float) -> None:
    for wait in (
        lambda: reader.wait(0, timeout),
        lambda: reader.follow(timeout=timeout),
        lambda: pegel.Writer.open("count", timeout),
    ):
        with pytest.raises(pegel.InvalidArgument, match="timeout"):
            wait()


@pytest.mark.parametrize("timeout", [None, 50, FOREVER, float("inf")])
def test_threads_go_on_during_a_wait(
    writer: pegel.Writer, reader: pegel.Reader, timeout: "float | None"
) -> None:
    thread = in_thread(lambda: writer.publish(n=7))
    assert reader.wait(0, timeout) == 1
    thread.join()


def test_many_wait_at_once(writer: pegel.Writer, reader: pegel.Reader) -> None:
    seen: list[int] = []
    threads = [in_thread(lambda: seen.append(reader.wait(0))) for _ in range(8)]
    writer.publish(n=1)
    for thread in threads:
        thread.join()
    assert seen == [1] * 8


@pytest.mark.parametrize("kind", WAITS)
def test_a_signal_handler_runs_during_a_wait(
    writer: pegel.Writer, reader: pegel.Reader, kind: str
) -> None:
    class Alarm(Exception):
        pass

    def ring(*_: Any) -> None:
        raise Alarm

    before = signal.signal(signal.SIGUSR1, ring)
    alarm = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1))
    main = threading.get_ident()

    def ring_and_wait() -> None:
        alarm.start()
        WAITS[kind](reader)

    try:
        with pytest.raises(Alarm):
            ring_and_wait()
    finally:
        alarm.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    "wait",
    [
        "pegel.Reader('count').wait(0)",
        "next(pegel.Reader('count').follow())",
        "pegel.Writer.open('count')",
    ],
)
def test_ctrl_c_ends_a_program_that_waits(writer: pegel.Writer, start: Start, wait: str) -> None:
    process = start(f"""
import signal, pegel
# A parent in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
{wait}
""")
    process.send_signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT


def test_closing_ends_the_waits_of_other_threads(
    writer: pegel.Writer, reader: pegel.Reader
) -> None:
    ended: list[str] = []

    def wait(kind: str) -> None:
        with pytest.raises(ValueError, match=r"count.*closed"):
            WAITS[kind](reader)
        ended.append(kind)

    kinds = ["follow", "wait", "wait long"]
    threads = [threading.Thread(target=wait, args=[kind], daemon=True) for kind in kinds]
    for thread in threads:
        thread.start()
    reader.close()
    for thread in threads:
        thread.join()
    assert sorted(ended) == kinds


def test_following_shows_the_newest_and_skips_the_rest(
    writer: pegel.Writer, reader: pegel.Reader
) -> None:
    writer.publish(n=1)
    writer.publish(n=2)
    following = reader.follow()
    assert next(following)["n"] == 2
    for n in (3, 4, 5):
        writer.publish(n=n)
    now = next(following)
    assert (now["n"], now.sequence) == (5, 5)
    thread = in_thread(lambda: writer.publish(n=6))
    assert next(following)["n"] == 6
    thread.join()
    assert next(reader.follow(after=5))["n"] == 6
    assert list(reader.follow(after=6, timeout=0)) == []


def test_following_a_board_that_is_replaced(writer: pegel.Writer, reader: pegel.Reader) -> None:
    writer.publish(n=1)
    following = reader.follow()
    assert next(following)["n"] == 1

    def replace() -> None:
        writer.close()
        with pegel.Writer("count", level=pegel.f64(), replace=True) as other:
            other.publish(level=0.5)

    thread = in_thread(replace)
    assert next(following) == {"level": 0.5}
    thread.join()
    assert reader.read() == {"level": 0.5}


def test_following_a_board_that_is_removed(writer: pegel.Writer, reader: pegel.Reader) -> None:
    writer.publish(n=1)
    following = reader.follow()
    assert next(following)["n"] == 1

    def remove() -> None:
        writer.close()
        pegel.unlink("count")

    thread = in_thread(remove)
    with pytest.raises(pegel.NotFound, match="count"):
        next(following)
    thread.join()
    with pegel.Writer("count", n=pegel.u64()) as fresh:
        fresh.publish(n=2)
        assert next(following)["n"] == 2


def test_opening_waits_for_its_turn(writer: pegel.Writer) -> None:
    writer.publish(n=1)
    thread = in_thread(writer.close)
    with pegel.Writer.open("count") as mine:
        assert mine.update(n=2) == 2
    thread.join()


def test_creating_waits_for_its_turn(writer: pegel.Writer) -> None:
    with pytest.raises(pegel.Locked, match="count"):
        pegel.Writer("count", n=pegel.u64())
    thread = in_thread(writer.close)
    with pegel.Writer("count", {"n": pegel.u64()}, timeout=None) as mine:
        assert mine.publish(n=1) == 1
    thread.join()


def test_a_publication_of_another_process_ends_the_wait(writer: pegel.Writer, start: Start) -> None:
    follower = start("""
import pegel
with pegel.Reader("count") as reader:
    print("ready", flush=True)
    for now in reader.follow():
        print(now["n"], flush=True)
        if now["n"] == 3:
            break
""")
    assert follower.stdout is not None
    for n in (1, 2, 3):
        writer.publish(n=n)
        assert follower.stdout.readline() == f"{n}\n"
    assert follower.wait() == 0
