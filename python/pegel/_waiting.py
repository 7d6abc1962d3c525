"""Following in an event loop, which goes on meanwhile."""

import asyncio
import math

from ._pegel import Follow, Snapshot, Waiting


async def following(follow: Follow) -> Snapshot:
    """The next snapshot."""
    loop = asyncio.get_running_loop()
    end = math.inf if follow.timeout is None else loop.time() + follow.timeout
    # The others' turn, however fast the board's writer is.
    await asyncio.sleep(0)
    while (now := follow.poll()) is None:
        left = end - loop.time()
        if left <= 0:
            raise StopAsyncIteration
        await _ready(loop, follow.wait_aside(left))
    return now


async def _ready(loop: asyncio.AbstractEventLoop, waiting: Waiting) -> None:
    """Returns when the wait is over."""
    ready = loop.create_future()
    file = waiting.fileno()

    def end() -> None:
        loop.remove_reader(file)
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(file, end)
    try:
        await ready
    finally:
        loop.remove_reader(file)
