"""The daemon's log: a file that is begun anew in time, and that the boards' group may read."""

import logging
import logging.handlers
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from clock import Clock

LOG_SIZE: Final = 1_000_000
"""Bytes of a file."""
LOG_FILES: Final = 5
"""How many older ones are kept."""


class Logs(logging.Formatter):
    """Lines begin with the station's time, in its zone."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._clock, self.zone = clock, ZoneInfo("UTC")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        at = self._clock.at(record.created)
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def write_to(self, file: Path | None, level: int, size: int) -> None:
        """Into a file, or to standard error."""
        handler: logging.Handler = logging.StreamHandler()
        if file is not None:
            handler = logging.handlers.RotatingFileHandler(
                file, maxBytes=size, backupCount=LOG_FILES, encoding="utf-8"
            )
        handler.setFormatter(self)
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(level)
