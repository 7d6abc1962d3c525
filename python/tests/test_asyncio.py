"""Following in an event loop."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Callable

import pytest

import pegel

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def writer() -> Iterator[pegel.Writer]:
    with pegel.Writer("count", n=pegel.u64()) as writer:
        yield writer


@pytest.fixture
def reader(writer: pegel.Writer) -> Iterator[pegel.Reader]:
    with pegel.Reader("count") as reader:
        yield reader


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main, debug=True)


async def turns() -> None:
    """Lets all other tasks come to where they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_newest_as_it_comes(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def main() -> None:
        seen = []
        writer.publish(n=0)
        async for now in reader:
            seen.append(now["n"])
            if now["n"] == 5:
                break
            # Two at once: the first of them is skipped.
            writer.publish(n=now["n"])
            writer.publish(n=now["n"] + 1)
        assert seen == [0, 1, 2, 3, 4, 5]

    run(main())


def test_every_one_in_order(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def main() -> None:
        seen = []
        async for now in reader.follow(every=True):
            seen.append(now["n"])
            if now["n"] == 0:
                for n in range(1, 10):
                    writer.publish(n=n)
            if now["n"] == 9:
                break
        assert seen == list(range(10))

    writer.publish(n=0)
    run(main())


def test_the_loop_goes_on_during_a_wait(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def publish() -> None:
        # Reached only if the follower yields to other tasks while it waits.
        for n in range(1, 4):
            while len(seen) < n - 1:
                await asyncio.sleep(0)
            writer.publish(n=n)

    async def main() -> None:
        publisher = asyncio.create_task(publish())
        async for now in reader.follow(every=True):
            seen.append(now["n"])
            if now["n"] == 3:
                break
        await publisher

    seen: list[int] = []
    run(main())
    assert seen == [1, 2, 3]


def test_a_brisk_writer_does_not_keep_the_loop(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def main() -> None:
        async for now in reader:
            writer.publish(n=now["n"] + 1)
            if stopped:
                break

    async def stop() -> None:
        stopped.append(True)

    async def both() -> None:
        await asyncio.gather(main(), stop())

    stopped: list[bool] = []
    writer.publish(n=0)
    run(both())


def test_many_follow_at_once(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def follow() -> int:
        async for now in reader:
            return int(now["n"])
        raise AssertionError

    async def main() -> None:
        tasks = [asyncio.create_task(follow()) for _ in range(20)]
        await turns()
        writer.publish(n=7)
        assert await asyncio.gather(*tasks) == [7] * 20

    run(main())


@pytest.mark.parametrize("timeout", [0, 0.01, 0.25])
def test_it_ends_when_the_time_is_over(
    writer: pegel.Writer, reader: pegel.Reader, timeout: float
) -> None:
    async def main() -> None:
        seen = [now["n"] async for now in reader.follow(timeout=timeout)]
        assert seen == [1]

    writer.publish(n=1)
    run(main())


def test_a_cancelled_follower_leaves_nothing(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def follow() -> None:
        async for _ in following:
            pass

    async def main() -> None:
        task = asyncio.create_task(follow())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(follow(), 0.01)
        # What it did not take is there for the next one.
        writer.publish(n=7)
        async for now in following:
            assert now["n"] == 7
            break

    following = reader.follow(every=True)
    before = threading.active_count()
    run(main())
    assert threading.active_count() == before


def test_a_program_ends_although_it_waits(writer: pegel.Writer, start: Start) -> None:
    follower = start("""
import asyncio, pegel
async def follow():
    async for now in pegel.Reader("count"):
        print(now["n"], flush=True)
async def main():
    task = asyncio.create_task(follow())
    await asyncio.sleep(0.01)  # it waits now
    print("ready", flush=True)
    async for now in pegel.Reader("count"):
        break
asyncio.run(main(), debug=True)
""")
    writer.publish(n=7)
    assert follower.wait() == 0


def test_nothing_is_warned_of(writer: pegel.Writer) -> None:
    program = """
import asyncio, pegel
async def main():
    # It would warn of a slow machine.
    asyncio.get_running_loop().slow_callback_duration = float("inf")
    following = pegel.Reader("count").follow()
    await asyncio.wait([asyncio.ensure_future(following.__anext__())], timeout=0.01)
asyncio.run(main(), debug=True)
"""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout + result.stderr == ""


def test_a_board_that_is_replaced_or_removed(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def next_one() -> pegel.Snapshot:
        return await following.__anext__()

    async def main() -> None:
        waiting = asyncio.create_task(next_one())
        await turns()
        writer.close()
        with pegel.Writer("count", level=pegel.f64(), replace=True) as other:
            other.publish(level=0.5)
            assert await waiting == {"level": 0.5}
        waiting = asyncio.create_task(next_one())
        await turns()
        pegel.unlink("count")
        with pytest.raises(pegel.NotFound, match="count"):
            await waiting

    following = reader.follow()
    run(main())


def test_a_board_that_grows(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def main() -> None:
        async for now in following:
            seen.append(dict(now))
            if now["n"] == 2:
                break

    async def grow() -> None:
        await turns()
        writer.close()
        with pegel.Writer("count", n=pegel.u64(), on=pegel.bool_(default=True)) as grown:
            # The follower finds nothing new there, and waits on.
            while "on" not in reader.fields:
                await asyncio.sleep(0)
            await turns()
            grown.publish(n=2)

    async def both() -> None:
        await asyncio.gather(main(), grow())

    seen: list[object] = []
    following = reader.follow(every=True)
    writer.publish(n=1)
    run(both())
    assert seen == [{"n": 1}, {"n": 2, "on": True}]


def test_closing_ends_it(writer: pegel.Writer, reader: pegel.Reader) -> None:
    async def main() -> None:
        waiting = asyncio.ensure_future(following.__anext__())
        await turns()
        reader.close()
        with pytest.raises(pegel.InvalidArgument, match=r"count.*closed"):
            await waiting

    following = reader.follow()
    run(main())
