"""The day so far: sums, extremes and curves, which survive a restart of the daemon."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

import pegel

PARTS: Final = 288
PART_MINUTES: Final = 5
WATT_HOURS: Final = 1000.0
"""In one kWh, the unit of meters."""


@dataclass(frozen=True)
class InverterSample:
    """The last reading of one inverter."""

    at: float
    is_fresh: bool
    power: float
    temperature: float
    yield_today: float
    yield_total: float


@dataclass(frozen=True)
class MeterSample:
    """The last reading of the meter: power in W, negative while exporting; energies in kWh."""

    power: float
    imported: float
    exported: float


def _new_day(date: str) -> dict[str, Any]:
    return {
        "date": date,
        "now": 0,
        "power": 0.0,
        "yield_today": 0.0,
        "yield_total": 0.0,
        "curve_power": (0.0,) * PARTS,
        "curve_samples": (0,) * PARTS,
        "curve_grid": (0.0,) * PARTS,
        "curve_grid_samples": (0,) * PARTS,
    }


class Day:
    """Accumulates one day, which begins at midnight of the time zone."""

    def __init__(self, record: pegel.Snapshot | None) -> None:
        """Continues with the last record, if there is one."""
        self._record: dict[str, Any] = dict(record) if record is not None else _new_day("")

    def add(
        self, now: float, zone: tzinfo, inverters: list[InverterSample], meter: MeterSample | None
    ) -> dict[str, Any]:
        """Adds samples, and returns the record of the day."""
        moment = datetime.fromtimestamp(now, zone)
        date = moment.date().isoformat()
        if self._record["date"] != date:
            self._record = _new_day(date)
        record = self._record
        part = (moment.hour * 60 + moment.minute) // PART_MINUTES
        power = sum(one.power for one in inverters if one.is_fresh)
        measured_today = [
            one
            for one in inverters
            if datetime.fromtimestamp(one.at, zone).date().isoformat() == date
        ]
        record |= {
            "now": int(now),
            "power": power,
            "yield_today": sum(one.yield_today for one in measured_today),
            "yield_total": sum(one.yield_total for one in inverters),
        }
        self._sample("curve_power", "curve_samples", part, power)
        if measured_today:
            self._highest("power", power, now)
        for one in inverters:
            if one.is_fresh:
                self._highest("temperature", one.temperature, now)
        if meter is not None:
            self._sample("curve_grid", "curve_grid_samples", part, meter.power)
            self._count("import", meter.imported * WATT_HOURS)
            self._count("export", meter.exported * WATT_HOURS)
        return record

    def _sample(self, curve: str, samples: str, part: int, value: float) -> None:
        """Adds a value to the mean of its part of the day."""
        count = min(self._record[samples][part] + 1, 0xFFFF)
        means, counts = list(self._record[curve]), list(self._record[samples])
        means[part] += (value - means[part]) / count
        counts[part] = count
        self._record[curve], self._record[samples] = tuple(means), tuple(counts)

    def _highest(self, quantity: str, value: float, now: float) -> None:
        highest = self._record.get(f"highest_{quantity}")
        if highest is None or value > highest:
            self._record[f"highest_{quantity}"] = value
            self._record[f"highest_{quantity}_at"] = int(now)

    def _count(self, direction: str, count: float) -> None:
        before = self._record.get(f"{direction}_before")
        if before is None or count < before:
            # The first count of the day, or of a new meter.
            before = self._record[f"{direction}_before"] = count
        self._record[f"{direction}_today"] = count - before
