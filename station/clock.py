"""The station's clock: the machine's, or a faster one for demonstrations and tests."""

import os
import time
from dataclasses import dataclass
from typing import Final, Self

VARIABLE: Final = "STATION_CLOCK"


@dataclass(frozen=True)
class Clock:
    """When the machine's time is `begin`, the station's is `start`; it runs `speed` times as fast.

    Times are Unix times in seconds, and spans are seconds.
    """

    start: float = 0.0
    begin: float = 0.0
    speed: float = 1.0

    @classmethod
    def of_environment(cls) -> Self:
        """The clock in $STATION_CLOCK (start,begin,speed), which a station's processes share."""
        text = os.environ.get(VARIABLE)
        return cls(*map(float, text.split(","))) if text else cls()

    @classmethod
    def starting(cls, start: float, speed: float) -> Self:
        return cls(start, time.time(), speed)

    def __str__(self) -> str:
        return f"{self.start!r},{self.begin!r},{self.speed!r}"

    def now(self) -> float:
        return self.at(time.time())

    def at(self, moment: float) -> float:
        """The station's time when the machine's is `moment`."""
        return self.start + (moment - self.begin) * self.speed

    def real(self, span: float) -> float:
        """A span of the station's clock, in seconds of the machine's."""
        return span / self.speed

    def span(self, real: float) -> float:
        """A span of the machine's clock, in seconds of the station's."""
        return real * self.speed
