"""The station's time: the machine's, or one that goes by faster, for demonstrations and tests."""

import os
import time
from dataclasses import dataclass
from typing import Final, Self

VARIABLE: Final = "STATION_CLOCK"


@dataclass(frozen=True)
class Clock:
    """Station time is `start` at the machine's time `begin`, and goes by `speed` times as fast.

    Times are Unix times in seconds; spans are seconds.
    """

    start: float = 0.0
    begin: float = 0.0
    speed: float = 1.0

    @classmethod
    def of_environment(cls) -> Self:
        """The clock of all processes of a station, from $STATION_CLOCK: start,begin,speed."""
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
        """The station's time at one of the machine's."""
        return self.start + (moment - self.begin) * self.speed

    def real(self, span: float) -> float:
        """How long a span of the station lasts on the machine."""
        return span / self.speed

    def span(self, real: float) -> float:
        """How much of the station's time goes by in a time of the machine."""
        return real * self.speed
