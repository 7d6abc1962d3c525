"""Detects events in the readings of one inverter, such as silence, restarts and exceeded limits."""

from dataclasses import dataclass
from typing import Final

import hoymiles
from settings import Limits

TEMPERATURE_HYSTERESIS: Final = 2.0
VOLTAGE_HYSTERESIS: Final = 1.0
"""How far inside its limit a value must return before it counts as normal."""


@dataclass(frozen=True)
class Event:
    kind: str
    message: str
    value: float | None = None
    unit: str = ""
    level: str = "info"


def warning(kind: str, message: str, value: float | None = None, unit: str = "") -> Event:
    return Event(kind, message, value, unit, "warning")


class EventDetector:
    """Compares each reading with the last one. The caller passes the time."""

    def __init__(self, start: float) -> None:
        self._last_answer = start
        self._is_silent: bool | None = None
        self._last: hoymiles.Reading | None = None
        self._is_hot = False
        self._voltage = "voltage-ok"

    def on_reading(self, now: float, reading: hoymiles.Reading, limits: Limits) -> list[Event]:
        """The events that a reading shows."""
        events = []
        if self._is_silent is not False:
            events.append(Event("answers", "the inverter answers"))
        self._is_silent, self._last_answer = False, now
        if self._last is not None:
            events += self._compared(self._last, reading)
        self._last = reading
        events += self._temperature(reading.temperature, limits)
        events += self._grid(reading.ac_voltage, limits)
        return events

    def on_silence(self, now: float, limits: Limits) -> list[Event]:
        """The event of a silence that is too long, once."""
        silence = now - self._last_answer
        if self._is_silent or silence < limits.silence:
            return []
        self._is_silent = True
        return [warning("silent", f"no answer for {silence:.0f} s", silence, "s")]

    def on_pause(self, now: float) -> None:
        """The inverter was not polled, so its silence is not an event."""
        self._last_answer = now

    def _compared(self, last: hoymiles.Reading, now: hoymiles.Reading) -> list[Event]:
        more = now.event_count - last.event_count
        if more < 0 or sum(now.strings.energy_daily) < sum(last.strings.energy_daily):
            return [warning("restarted", "the inverter has restarted")]
        if more > 0:
            message = f"the inverter counts {more} new events, {now.event_count} in total"
            return [Event("inverter-event", message, float(now.event_count))]
        return []

    def _temperature(self, value: float, limits: Limits) -> list[Event]:
        high = limits.temperature_high
        if not self._is_hot and value > high:
            self._is_hot = True
            message = f"{value:.1f} degC (limit {high:g} degC)"
            return [warning("temperature-high", message, value, "degC")]
        if self._is_hot and value <= high - TEMPERATURE_HYSTERESIS:
            self._is_hot = False
            return [Event("temperature-ok", f"{value:.1f} degC again", value, "degC")]
        return []

    def _grid(self, value: float, limits: Limits) -> list[Event]:
        low, high = limits.voltage_low, limits.voltage_high
        if value < low and self._voltage != "voltage-low":
            self._voltage = "voltage-low"
            return [warning(self._voltage, f"{value:.1f} V (limit {low:g} V)", value, "V")]
        if value > high and self._voltage != "voltage-high":
            self._voltage = "voltage-high"
            return [warning(self._voltage, f"{value:.1f} V (limit {high:g} V)", value, "V")]
        is_inside = low + VOLTAGE_HYSTERESIS <= value <= high - VOLTAGE_HYSTERESIS
        if is_inside and self._voltage != "voltage-ok":
            self._voltage = "voltage-ok"
            return [Event(self._voltage, f"{value:.1f} V again", value, "V")]
        return []
