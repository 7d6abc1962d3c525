"""The records before the newest: the last ones, and every one, exactly once."""

import subprocess
from typing import Any, Callable

import pytest

import pegel

Start = Callable[..., "subprocess.Popen[str]"]


def numbers(snapshots: Any) -> list[tuple[int, int]]:
    return [(now["n"], now.missed) for now in snapshots]


def test_the_last_ones_oldest_first() -> None:
    with pegel.Writer("count", {"n": pegel.u64()}, slots=4) as writer:
        reader = pegel.Reader("count")
        assert reader.last(3) == []
        for n in range(1, 8):
            writer.publish(n=n)
        assert reader.last(0) == []
        assert [now["n"] for now in reader.last(2)] == [6, 7]
        held = [now["n"] for now in reader.last(2**40)]
        assert held == [5, 6, 7][-len(held) :]
        assert len(held) >= 2
        newest = reader.last(1)[0]
        assert newest == reader.read()
        assert newest.writer_alive


def test_every_publication_once_and_in_order() -> None:
    with pegel.Writer("count", n=pegel.u64()) as writer, pegel.Reader("count") as reader:
        following = reader.follow(every=True, timeout=0)
        for n in range(5):
            writer.publish(n=n)
        assert numbers(following) == [(n, 0) for n in range(5)]
        assert numbers(following) == []
        writer.publish(n=5)
        assert numbers(following) == [(5, 0)]
        assert numbers(reader.follow(every=True, after=4, timeout=0)) == [(4, 0), (5, 0)]


def test_what_the_ring_lost_is_counted() -> None:
    with pegel.Writer("count", {"n": pegel.u64()}, slots=4) as writer:
        following = pegel.Reader("count").follow(every=True, timeout=0)
        for n in range(100):
            writer.publish(n=n)
        seen = list(following)
        assert seen[0].missed == seen[0].stamp.missed == 100 - len(seen)
        assert [now["n"] for now in seen] == list(range(100 - len(seen), 100))
        assert all(now.missed == 0 for now in seen[1:])
        assert pegel.Reader("count").read().missed == 0


def test_every_one_of_another_process(start: Start) -> None:
    with pegel.Writer("count", {"n": pegel.u64()}, slots=1024) as writer:
        follower = start("""
import pegel
with pegel.Reader("count") as reader:
    print("ready", flush=True)
    seen = []
    for now in reader.follow(every=True):
        assert now.missed == 0
        seen.append(now["n"])
        if now["n"] == 499:
            break
    print(seen == list(range(500)))
""")
        for n in range(500):
            writer.publish(n=n)
        assert follower.stdout is not None
        assert follower.stdout.readline() == "True\n"
        assert follower.wait() == 0


@pytest.mark.parametrize("every", [False, True])
def test_no_record_twice_when_the_board_is_replaced(every: bool) -> None:
    with pegel.Writer("count", n=pegel.u64()) as writer:
        writer.publish(n=1)
        reader = pegel.Reader("count")
        following = reader.follow(every=every, timeout=0)
        assert numbers(following) == [(1, 0)]
        if every:
            writer.publish(n=2)
    with pegel.Writer("count", {"n": pegel.u64()}, slots=64, replace=True) as writer:
        # Carried over: seen before, or not.
        assert numbers(following) == ([(2, 0)] if every else [])
        writer.publish(n=3)
        assert numbers(following) == [(3, 0)]


def test_another_board_of_the_name_is_followed_from_its_beginning() -> None:
    with pegel.Writer("count", n=pegel.u64()) as writer:
        for n in range(5):
            writer.publish(n=n)
    reader = pegel.Reader("count")
    one, other = (reader.follow(every=True, timeout=0) for _ in range(2))
    assert len(list(one)) == len(list(other)) == 5
    lineage = reader.lineage
    pegel.unlink("count")
    with pegel.Writer("count", n=pegel.u64()) as writer:
        writer.publish(n=7)
        # The second finds a board that the first has opened already.
        assert numbers(one) == numbers(other) == [(7, 0)]
        assert reader.lineage != lineage


def test_commands_that_nobody_acknowledged_are_kept() -> None:
    with pegel.Writer("commands", {"n": pegel.u64()}, slots=4) as writer:
        assert [writer.publish_unless_full(0, n=n) for n in range(3)] == [1, 2, 3]
        with pytest.raises(pegel.Full, match=r"commands.*3 publications.*3") as caught:
            writer.publish_unless_full(0, n=3)
        assert caught.value.code == 28
        assert writer.sequence == 3
        assert writer.publish_unless_full(1, {"n": 3}) == 4
        todo = pegel.Reader("commands").follow(every=True, after=1, timeout=0)
        assert [now.sequence for now in todo] == [2, 3, 4]
