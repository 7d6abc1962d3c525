"""The station's boards, which boards.json describes for the daemon and the pages."""

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pegel

INVERTERS: Final = 4
"""How many inverters a configuration can have."""
MODES: Final = {"shared": 0o660, "daemon": 0o640}
HANDOVER_TIMEOUT: Final = 5.0
"""Seconds that a restarted program waits until its predecessor releases the boards."""
RETRY_INTERVAL: Final = 1.0
"""Seconds until a board that could not be followed is opened again."""

_BOARDS: dict[str, Any] = json.loads(
    Path(__file__).with_name("boards.json").read_text(encoding="utf-8")
)

log = logging.getLogger("station.boards")


def fields(board: str, strings: int = 0) -> dict[str, pegel.Field]:
    """The fields of a kind of board, for an inverter with this number of strings."""

    def field(of: dict[str, Any]) -> pegel.Field:
        return pegel.Field(**(of | {"count": strings} if of.get("count") == "strings" else of))

    return {name: field(of) for name, of in _BOARDS[board]["fields"].items()}


def writer(board: str, serial: str = "", strings: int = 0, place: str = "") -> pegel.Writer:
    """Opens a board for writing, and creates it if it does not exist."""
    of = _BOARDS[board]
    return pegel.Writer(
        f"{place}{board}-{serial}" if serial else f"{place}{board}",
        fields(board, strings),
        slots=of.get("slots"),
        mode=MODES[of["written_by"]],
        description=of["description"],
        timeout=None if of["written_by"] == "shared" else HANDOVER_TIMEOUT,
        durable=of.get("durable", False),
    )


def truncated(text: str, size: int) -> str:
    """The beginning of a text that fits in a field of `size` bytes."""
    return text.encode()[:size].decode(errors="ignore")


def follow(
    board: str, callback: Callable[[pegel.Snapshot], None], after: int | None = None
) -> None:
    """Calls back with the newest record of a board and each newer one, from a thread, forever.

    With `after`, it calls back with every record since that sequence. A shared board that does not
    exist is created.
    """

    def run() -> None:
        newest, last_error = after or 0, ""
        while True:
            try:
                if _BOARDS.get(board, {}).get("written_by") == "shared":
                    writer(board).close()
                for now in pegel.Reader(board).follow(after=newest, every=after is not None):
                    if after is not None:
                        newest = now.sequence
                    callback(now)
            except pegel.Error as error:
                if str(error) != last_error:
                    last_error = str(error)
                    log.warning("%s", error)
                time.sleep(RETRY_INTERVAL)

    threading.Thread(target=run, name=board, daemon=True).start()
