"""The log: a file that is rotated by size, and that the boards' group can read."""

import logging
import logging.handlers
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from clock import Clock

LOG_SIZE: Final = 1_000_000
"""The maximum size of a file in bytes."""
LOG_FILES: Final = 5
"""How many rotated files are kept."""


def one_line(text: str) -> str:
    """Escapes control characters: a line end in the text of a board would forge a line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class Logs(logging.Formatter):
    """Formats lines, which begin with the station's time in its time zone."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._clock, self.zone = clock, ZoneInfo("UTC")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatTime(  # noqa: N802
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        at = self._clock.at(record.created)
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def write_to(self, file: Path | None, level: int, size: int) -> None:
        """Writes the log to a file, or to standard error if `file` is None."""
        handler: logging.Handler = logging.StreamHandler()
        if file is not None:
            handler = logging.handlers.RotatingFileHandler(
                file, maxBytes=size, backupCount=LOG_FILES, encoding="utf-8"
            )
        handler.setFormatter(self)
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(level)
