"""One inverter: its boards `inverter-SERIAL` and `events-SERIAL`, and its last reading."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boards
import pegel
from clock import Clock
from daily import InverterSample
from events import Event, EventDetector, warning
from hoymiles import Action, Control, Reading
from radio import Counts
from settings import Limits, Unit

log = logging.getLogger("station.inverter")


class Inverter:
    def __init__(self, unit: Unit, limits: Limits, clock: Clock) -> None:
        self.unit, self.counts = unit, Counts()
        self._clock = clock
        self._detector = EventDetector(clock.now())
        self._board = boards.writer("inverter", unit.serial, unit.model.strings)
        try:
            self._events = boards.writer("events", unit.serial)
        except pegel.Error:
            self._board.close()
            raise
        self._limit: float | None = None
        self.sample: InverterSample | None = None
        try:
            last = self._board.read()
        except pegel.Empty:
            return
        if clock.span(last.age) < limits.silence:
            # The limit that an earlier daemon set still applies.
            self._limit = last["limit"]
        self._keep(last, is_fresh=False)

    def close(self) -> None:
        self._board.close()
        self._events.close()

    def on_reading(self, reading: Reading, limits: Limits) -> None:
        """Publishes a reading, and the events that it shows."""
        now = self._clock.now()
        events = self._detector.on_reading(now, reading, limits)
        for event in events:
            if event.kind == "restarted":
                self._limit = None
        strings = reading.strings

        def each(values: tuple[float, ...]) -> tuple[float, ...] | float:
            # A field of one element is a plain value.
            return values if len(values) > 1 else values[0]

        record = {
            "serial": self.unit.serial,
            "model": self.unit.model.name,
            "measured": int(now),
            "string_voltage": each(strings.voltage),
            "string_current": each(strings.current),
            "string_power": each(strings.power),
            "string_energy_total": each(strings.energy_total),
            "string_energy_daily": each(strings.energy_daily),
            "string_irradiation": each(reading.irradiation(self.unit.rated_power)),
            "ac_voltage": reading.ac_voltage,
            "ac_current": reading.ac_current,
            "ac_power": reading.ac_power,
            "ac_reactive_power": reading.ac_reactive_power,
            "ac_frequency": reading.ac_frequency,
            "temperature": reading.temperature,
            "powerfactor": reading.powerfactor,
            "yield_total": sum(strings.energy_total),
            "yield_today": sum(strings.energy_daily),
            "efficiency": reading.efficiency,
            "event_count": reading.event_count,
            "limit": self._limit,
        }
        sequence = self._board.publish(record)
        log.debug("%s, %d: %.1f W", self.unit, sequence, reading.ac_power)
        self._keep(record, is_fresh=True)
        self._publish_events(events)

    def on_silence(self, limits: Limits) -> None:
        """The inverter was polled and did not answer."""
        self._mark_stale()
        events = self._detector.on_silence(self._clock.now(), limits)
        if events:
            # The inverter can have restarted, which removes the limit.
            self._limit = None
        self._publish_events(events)

    def on_pause(self) -> None:
        """The inverter is not polled now."""
        self._mark_stale()
        self._detector.on_pause(self._clock.now())

    def on_command(self, control: Control | None, text: str, is_confirmed: bool) -> None:
        """A command was confirmed or refused."""
        if not is_confirmed or control is None:
            self._publish_events([warning("command-refused", text)])
        elif control.action is Action.LIMIT:
            # Not an event: a controller sends limits all day, and board `answers` has each of them.
            log.info("%s: %s", self.unit, text)
            share = self.unit.model.rated / 100 if control.is_relative else 1.0
            self._limit = control.limit * share
        else:
            if control.action is Action.RESTART:
                self._limit = None
            self._publish_events([Event("command-confirmed", text)])

    def _keep(self, record: Mapping[str, Any], is_fresh: bool) -> None:
        names = ("ac_power", "temperature", "yield_today", "yield_total")
        power, temperature, today, total = (float(record[name]) for name in names)
        at = float(record["measured"])
        self.sample = InverterSample(at, is_fresh, power, temperature, today, total)

    def _mark_stale(self) -> None:
        if self.sample is not None:
            self.sample = replace(self.sample, is_fresh=False)

    def _publish_events(self, events: list[Event]) -> None:
        for event in events:
            level = logging.WARNING if event.level == "warning" else logging.INFO
            log.log(level, "%s: %s", self.unit, event.message)
            self._events.publish(
                at=int(self._clock.now()),
                level=event.level,
                kind=event.kind,
                value=event.value,
                unit=event.unit,
                message=boards.truncated(event.message, 96),
            )
