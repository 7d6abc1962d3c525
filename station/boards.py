"""The station's boards, as boards.json describes them for daemon and pages alike."""

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pegel

INVERTERS: Final = 4
"""How many inverters a configuration has places for."""
MODES: Final = {"turns": 0o660, "daemon": 0o640}
HANDOVER: Final = 5.0
"""Seconds that a successor waits for its predecessor's boards."""
RETRY: Final = 1.0
"""Seconds until a board is looked for again that could not be followed."""

_BOARDS: dict[str, Any] = json.loads(
    Path(__file__).with_name("boards.json").read_text(encoding="utf-8")
)

log = logging.getLogger("station.boards")


def fields(board: str, strings: int = 0) -> dict[str, pegel.Field]:
    """The fields of a kind of board; of an inverter with so many strings."""

    def field(of: dict[str, Any]) -> pegel.Field:
        return pegel.Field(**(of | {"count": strings} if of.get("count") == "strings" else of))

    return {name: field(of) for name, of in _BOARDS[board]["fields"].items()}


def writer(board: str, serial: str = "", strings: int = 0, place: str = "") -> pegel.Writer:
    """Takes a board, or creates it: for life, or for a moment if it is written by turns."""
    of = _BOARDS[board]
    return pegel.Writer(
        f"{place}{board}-{serial}" if serial else f"{place}{board}",
        fields(board, strings),
        slots=of.get("slots"),
        mode=MODES[of["written_by"]],
        description=of["description"],
        timeout=None if of["written_by"] == "turns" else HANDOVER,
        durable=of.get("durable", False),
    )


def fitting(text: str, size: int) -> str:
    """As much of a text as a field of so many bytes has room for."""
    return text.encode()[:size].decode(errors="ignore")


def follow(board: str, told: Callable[[pegel.Snapshot], None], after: int | None = None) -> None:
    """Tells of the newest record of a board and of newer ones, for ever, from a thread of its own.

    After a sequence, of every one. A board by turns is created if there is none.
    """

    def run() -> None:
        newest, said = after or 0, ""
        while True:
            try:
                if _BOARDS.get(board, {}).get("written_by") == "turns":
                    writer(board).close()
                for now in pegel.Reader(board).follow(after=newest, every=after is not None):
                    if after is not None:
                        newest = now.sequence
                    told(now)
            except pegel.Error as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("%s", error)
                time.sleep(RETRY)

    threading.Thread(target=run, name=board, daemon=True).start()
