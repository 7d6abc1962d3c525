"""The simulated world: the sky, inverters on a roof, a house, and the meter between them.

The seed and the station's clock determine everything: the same seed produces the same days.
"""

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from astral import Observer
from astral.sun import elevation

import hoymiles
from hoymiles import Action, Control

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
STEP: Final = 5.0
"""The simulation's step in seconds of the station."""
LAG: Final = 8.0
"""Seconds in which an inverter approaches a new limit by two thirds."""
MIN_LIMIT: Final = 0.02
"""The lowest limit, as a fraction of the rated power."""
WAKING_POWER: Final = 2.0
"""The power of all strings in watts that an inverter needs to work."""
RESTART_TIME: Final = 30.0
PANEL_POWER: Final = 370.0
"""Watts of a string at noon under a clear sky."""


class Sky:
    """The sunlight at one place."""

    def __init__(self, seed: int, latitude: float, longitude: float) -> None:
        self._observer = Observer(latitude, longitude)
        clouds = random.Random(seed)
        self._waves = [(clouds.uniform(0.2, 9.0), clouds.uniform(0, math.tau)) for _ in range(7)]

    def sun(self, moment: float) -> float:
        """The strength of the sun, from 0 at night to about 1."""
        height = elevation(self._observer, datetime.fromtimestamp(moment, UTC))
        if height <= 0:
            return 0.0
        waves = (math.sin(moment / HOUR * rate + phase) for rate, phase in self._waves)
        shade = max(0.0, sum(waves) / len(self._waves))
        clear: float = math.sin(math.radians(height)) ** 1.2
        return clear * (1 - 0.8 * shade)


@dataclass(frozen=True)
class Use:
    """A device in the house that runs for a while."""

    start: float
    end: float
    power: float


class House:
    """The consumption of a household: standby, a fridge that cycles, and what people switch on."""

    BASE: Final = 110.0
    FRIDGE: Final = (85.0, 40 * 60.0, 14 * 60.0)
    """Watts, period in seconds, and seconds of each period that it runs."""
    HABITS: Final = (
        (6.8, 0.05, 2000.0, 1),  # kettle
        (7.4, 0.2, 350.0, 1),  # bath and lights
        (12.2, 0.5, 1400.0, 1),  # stove
        (13.5, 1.4, 420.0, 1),  # dishes
        (15.5, 0.04, 2000.0, 2),  # kettle
        (18.6, 0.7, 1100.0, 1),  # stove
        (19.5, 3.5, 240.0, 1),  # lights, television
    )
    """Hour of the day, duration in hours, watts, times a day."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @functools.cache  # noqa: B019 - one house lives as long as the program
    def _day(self, day: int) -> tuple[Use, ...]:
        chance = random.Random(f"{self._seed}/{day}")
        uses = []
        for hour, hours, power, times in self.HABITS:
            for _ in range(times):
                start = (hour + chance.gauss(0, 0.4)) * HOUR
                length = hours * chance.uniform(0.6, 1.4) * HOUR
                uses.append(Use(start, start + length, power * chance.uniform(0.8, 1.2)))
        return tuple(uses)

    def power(self, moment: float) -> float:
        day, time = divmod(moment, DAY)
        watts, every, length = self.FRIDGE
        fridge = watts if moment % every < length else 0.0
        people = sum(use.power for use in self._day(int(day)) if use.start <= time < use.end)
        return self.BASE + fridge + people


@dataclass
class Inverter:
    """One inverter on the roof, with its own strings, energies and limits."""

    serial: str
    seed: int
    model: hoymiles.Model = field(init=False)
    power: float = 0.0
    """AC power in watts."""
    available: float = 0.0
    """AC power without a limit, in watts."""
    event_count: int = 13

    def __post_init__(self) -> None:
        self.model = hoymiles.model(self.serial)
        roof = random.Random(f"{self.seed}/{self.serial}")
        self._peaks = [PANEL_POWER * roof.uniform(0.92, 1.0) for _ in range(self.model.strings)]
        self._totals = [roof.uniform(7e5, 8e5) for _ in self._peaks]
        self._daily = [0.0 for _ in self._peaks]
        self._dc = [0.0 for _ in self._peaks]
        self._sun = 0.0
        self._permanent = self._limit = self._reached = self.model.rated
        self._is_on = True
        self._silent_until = -math.inf
        self._day = -1
        self._is_asleep = True

    @property
    def limit(self) -> float:
        return self._limit

    def is_silent(self, moment: float) -> bool:
        return self._is_asleep or moment < self._silent_until

    def step(self, moment: float, sun: float) -> None:
        """Advances by one step."""
        self._sun = sun
        raw = [peak * sun for peak in self._peaks]
        was_asleep, self._is_asleep = self._is_asleep, sum(raw) < WAKING_POWER
        if self._is_asleep:
            self._dc = [0.0 for _ in raw]
            self.power = self.available = 0.0
            return
        if was_asleep:
            self._wake_up(int(moment // DAY))
        efficiency = 0.957 - 0.012 / (0.1 + 5 * sun)
        self.available = min(sum(raw) * efficiency, self.model.rated)
        self._reached += (self._limit - self._reached) * (1 - math.exp(-STEP / LAG))
        works = self._is_on and moment >= self._silent_until
        self.power = min(self.available, self._reached) if works else 0.0
        share = self.power / (sum(raw) * efficiency)
        self._dc = [power * share for power in raw]
        for string, power in enumerate(self._dc):
            self._daily[string] += power * STEP / HOUR
            self._totals[string] += power * STEP / HOUR

    def _wake_up(self, day: int) -> None:
        """Resets what an inverter forgets without sunlight."""
        if day != self._day:
            self._day, self._daily = day, [0.0 for _ in self._daily]
        self._limit = self._reached = self._permanent
        self._is_on = True

    def restart(self, moment: float) -> None:
        self._silent_until = moment + RESTART_TIME
        self._limit = self._reached = self._permanent
        self._is_on, self.event_count = True, 0

    def control(self, control: Control, moment: float) -> bool:
        """Applies a control, and returns whether the inverter accepts it."""
        if control.action is Action.RESTART:
            self.restart(moment)
        elif control.action is not Action.LIMIT:
            self._is_on = control.action is Action.ON
        else:
            rated = self.model.rated
            watts = control.limit * rated / 100 if control.is_relative else control.limit
            if not 0 <= watts <= rated:
                return False
            self._limit = max(watts, MIN_LIMIT * rated)
            if control.is_permanent:
                self._permanent = self._limit
        return True

    def reading(self, moment: float) -> hoymiles.Reading:
        """The inverter's reading, rounded to the resolution of the protocol."""
        # Two strings of an HM-1200 share an input.
        inputs = (0, 0, 2, 2) if self.model.strings == 4 else range(self.model.strings)
        voltage = tuple(30.5 + 0.4 * one + 5.2 * self._sun**0.3 for one in inputs)
        ac_voltage = 229.5 + 2.2 * math.sin(moment / 700) + 3 * self._sun
        reading = hoymiles.Reading(
            strings=hoymiles.Strings(
                voltage=voltage,
                current=tuple(p / u for p, u in zip(self._dc, voltage, strict=True)),
                power=tuple(self._dc),
                energy_total=tuple(map(int, self._totals)),
                energy_daily=tuple(map(int, self._daily)),
            ),
            ac_voltage=ac_voltage,
            ac_frequency=50 + 0.03 * math.sin(moment / 90),
            ac_power=self.power,
            ac_reactive_power=0.0,
            ac_current=self.power / ac_voltage,
            powerfactor=1.0,
            temperature=11 + 6 * math.sin((moment / DAY - 0.4) * math.tau) + 24 * self._sun,
            event_count=self.event_count,
        )
        return hoymiles.decode(self.model, hoymiles.encode(self.model, reading))


class World:
    """The whole simulation, which advances in steps."""

    def __init__(
        self, seed: int, serials: Sequence[str], latitude: float, longitude: float, start: float
    ) -> None:
        self._sky, self._house = Sky(seed, latitude, longitude), House(seed)
        self.inverters = {serial: Inverter(serial, seed) for serial in serials}
        self.moment = start
        self.house = self.grid = 0.0
        self.imported, self.exported = 272_716.0, 104_021.0
        """Counts of the meter in Wh."""
        self._step()

    def advance(self, moment: float) -> bool:
        """Advances to a moment, and returns whether anything changed."""
        steps = int((moment - self.moment) / STEP)
        for _ in range(steps):
            self.moment += STEP
            self._step()
        return steps > 0

    def _step(self) -> None:
        sun = self._sky.sun(self.moment)
        for inverter in self.inverters.values():
            inverter.step(self.moment, sun)
        self.house = self._house.power(self.moment)
        self.grid = self.house - self.power
        energy = self.grid * STEP / HOUR
        self.imported += max(energy, 0.0)
        self.exported += max(-energy, 0.0)

    @property
    def power(self) -> float:
        return sum(inverter.power for inverter in self.inverters.values())

    @property
    def available(self) -> float:
        return sum(inverter.available for inverter in self.inverters.values())
