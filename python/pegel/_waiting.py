"""Following in an event loop, which goes on meanwhile."""

import asyncio

from ._pegel import Follow, Snapshot


async def following(follow: Follow) -> Snapshot:
    """The next snapshot."""
    # The others' turn, however fast the board's writer is.
    await asyncio.sleep(0)
    now = follow.poll()
    if now is None:
        await _ready(follow)
        now = follow.poll()
    if now is None:
        raise StopAsyncIteration
    return now


async def _ready(follow: Follow) -> None:
    """Returns when there is something to read, or the time is over."""
    waiting = follow.wait_aside()
    loop = asyncio.get_running_loop()
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
