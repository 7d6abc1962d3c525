"""One inverter: its boards `inverter-SERIAL` and `events-SERIAL`, and what is known of it."""

import logging
from dataclasses import replace

import boards
import pegel
from clock import Clock
from hoymiles import Action, Control, Reading
from radio import Counts
from settings import Limits, Unit
from today import Produced
from watch import Event, Watch, warning

log = logging.getLogger("station.inverter")


class Inverter:
    def __init__(self, unit: Unit, limits: Limits, clock: Clock) -> None:
        self.unit, self.counts = unit, Counts()
        self._clock = clock
        self._watch = Watch(clock.now())
        self._board = boards.writer("inverter", unit.serial, unit.model.strings)
        try:
            self._events = boards.writer("events", unit.serial)
        except pegel.Error:
            self._board.close()
            raise
        self._limit: float | None = None
        self.produced: Produced | None = None
        try:
            last = self._board.read()
        except pegel.Empty:
            return
        if clock.span(last.age) < limits.silence:
            # A daemon that starts again knows what its predecessor did.
            self._limit = last["limit"]
        self._keep(last, is_fresh=False)

    def close(self) -> None:
        self._board.close()
        self._events.close()

    def reading(self, reading: Reading, limits: Limits) -> None:
        """Publishes what it answered, and what that tells."""
        now = self._clock.now()
        events = self._watch.reading(now, reading, limits)
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
        self._tell(events)

    def silent(self, limits: Limits) -> None:
        """It was asked, and did not answer."""
        self._is_not_fresh()
        events = self._watch.silence(self._clock.now(), limits)
        if events:
            # It may have started anew, without the limit.
            self._limit = None
        self._tell(events)

    def rest(self) -> None:
        """It is not asked now."""
        self._is_not_fresh()
        self._watch.rest(self._clock.now())

    def commanded(self, control: Control | None, told: str, is_confirmed: bool) -> None:
        """It did what it was told, or did not."""
        if not is_confirmed or control is None:
            self._tell([warning("command-refused", told)])
        elif control.action is Action.LIMIT:
            # No event: a controller sends limits all day long, and boards tell of each.
            log.info("%s: %s", self.unit, told)
            share = self.unit.model.rated / 100 if control.is_relative else 1.0
            self._limit = control.limit * share
        else:
            if control.action is Action.RESTART:
                self._limit = None
            self._tell([Event("command-confirmed", told)])

    def _keep(self, record: pegel.Snapshot | dict[str, object], is_fresh: bool) -> None:
        names = ("ac_power", "temperature", "yield_today", "yield_total")
        power, temperature, today, total = (float(record[name]) for name in names)  # type: ignore[arg-type]
        at = float(record["measured"])  # type: ignore[arg-type]
        self.produced = Produced(at, is_fresh, power, temperature, today, total)

    def _is_not_fresh(self) -> None:
        if self.produced is not None:
            self.produced = replace(self.produced, is_fresh=False)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            level = logging.WARNING if event.level == "warning" else logging.INFO
            log.log(level, "%s: %s", self.unit, event.message)
            self._events.publish(
                at=int(self._clock.now()),
                level=event.level,
                kind=event.kind,
                value=event.value,
                unit=event.unit,
                message=boards.fitting(event.message, 96),
            )
