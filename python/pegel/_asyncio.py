"""Following a board in an event loop, which runs other tasks meanwhile."""

import asyncio
import math

from ._pegel import BackgroundWait, Follow, Snapshot


async def next_snapshot(follow: Follow) -> Snapshot:
    """Returns the next snapshot; ends the iteration after the follower's timeout."""
    loop = asyncio.get_running_loop()
    end = math.inf if follow.timeout is None else loop.time() + follow.timeout
    # Without this, a fast writer would keep other tasks from running.
    await asyncio.sleep(0)
    while (snapshot := follow.poll()) is None:
        left = end - loop.time()
        if left <= 0:
            raise StopAsyncIteration
        await _over(loop, follow.wait_in_background(left))
    return snapshot


async def _over(loop: asyncio.AbstractEventLoop, wait: BackgroundWait) -> None:
    """Returns when the wait is over."""
    over = loop.create_future()
    file = wait.fileno()

    def end() -> None:
        loop.remove_reader(file)
        if not over.done():
            over.set_result(None)

    loop.add_reader(file, end)
    try:
        await over
    finally:
        loop.remove_reader(file)
