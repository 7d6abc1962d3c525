"""Watches the readings of one inverter, and tells what happens to it as events."""

from dataclasses import dataclass
from typing import Final

import hoymiles
from settings import Limits

TEMPERATURE_RELIEF: Final = 2.0
VOLTAGE_RELIEF: Final = 1.0
"""How far inside its limit a value must be again before that is an event."""


@dataclass(frozen=True)
class Event:
    kind: str
    message: str
    value: float | None = None
    unit: str = ""
    level: str = "info"


def warning(kind: str, message: str, value: float | None = None, unit: str = "") -> Event:
    return Event(kind, message, value, unit, "warning")


class Watch:
    """What the last readings were like; times are those that it is given."""

    def __init__(self, began: float) -> None:
        self._heard = began
        self._is_silent: bool | None = None
        self._last: hoymiles.Reading | None = None
        self._is_hot = False
        self._voltage = "voltage-ok"

    def reading(self, now: float, reading: hoymiles.Reading, limits: Limits) -> list[Event]:
        """The events of a reading."""
        events = []
        if self._is_silent is not False:
            events.append(Event("answers", "it answers"))
        self._is_silent, self._heard = False, now
        if self._last is not None:
            events += self._compared(self._last, reading)
        self._last = reading
        events += self._temperature(reading.temperature, limits)
        events += self._grid(reading.ac_voltage, limits)
        return events

    def silence(self, now: float, limits: Limits) -> list[Event]:
        """The event that it has not answered for too long, once."""
        if self._is_silent or now - self._heard < limits.silence:
            return []
        self._is_silent = True
        quiet = now - self._heard
        return [warning("silent", f"no answer for {quiet:.0f} s", quiet, "s")]

    def rest(self, now: float) -> None:
        """Nobody asked it: its silence says nothing."""
        self._heard = now

    def _compared(self, last: hoymiles.Reading, now: hoymiles.Reading) -> list[Event]:
        more = now.event_count - last.event_count
        if more < 0 or sum(now.strings.energy_daily) < sum(last.strings.energy_daily):
            return [warning("restarted", "it has started anew")]
        if more > 0:
            message = f"it counts {more} more events of its own, {now.event_count} in all"
            return [Event("inverter-event", message, float(now.event_count))]
        return []

    def _temperature(self, value: float, limits: Limits) -> list[Event]:
        high = limits.temperature_high
        if not self._is_hot and value > high:
            self._is_hot = True
            message = f"{value:.1f} degC, more than {high:g}"
            return [warning("temperature-high", message, value, "degC")]
        if self._is_hot and value <= high - TEMPERATURE_RELIEF:
            self._is_hot = False
            return [Event("temperature-ok", f"{value:.1f} degC again", value, "degC")]
        return []

    def _grid(self, value: float, limits: Limits) -> list[Event]:
        low, high = limits.voltage_low, limits.voltage_high
        if value < low and self._voltage != "voltage-low":
            self._voltage = "voltage-low"
            return [warning(self._voltage, f"{value:.1f} V, less than {low:g}", value, "V")]
        if value > high and self._voltage != "voltage-high":
            self._voltage = "voltage-high"
            return [warning(self._voltage, f"{value:.1f} V, more than {high:g}", value, "V")]
        is_inside = low + VOLTAGE_RELIEF <= value <= high - VOLTAGE_RELIEF
        if is_inside and self._voltage != "voltage-ok":
            self._voltage = "voltage-ok"
            return [Event(self._voltage, f"{value:.1f} V again", value, "V")]
        return []
