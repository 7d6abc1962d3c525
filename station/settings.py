"""The settings in board `config`, checked: invalid ones are reported, and the others apply."""

import zoneinfo
from dataclasses import dataclass
from typing import Final

import boards
import hoymiles
import pegel

MAX_PROBLEM: Final = 160


@dataclass(frozen=True)
class Unit:
    """A configured inverter."""

    index: int
    """Its index in the configuration, from 0."""
    serial: str
    name: str
    model: hoymiles.Model
    rated_power: float
    """Of one module, in watts."""

    @property
    def address(self) -> bytes:
        return hoymiles.address(self.serial)

    def __str__(self) -> str:
        return f"{self.name} ({self.serial})" if self.name else self.serial


@dataclass(frozen=True)
class Site:
    """The station's position in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Limits:
    """Readings beyond these limits are events."""

    temperature_high: float
    voltage_low: float
    voltage_high: float
    silence: float


@dataclass(frozen=True)
class Settings:
    sequence: int
    interval: float
    units: tuple[Unit, ...]
    zone: zoneinfo.ZoneInfo
    site: Site | None
    """None if the inverters are polled at night, too."""
    limits: Limits
    problems: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """All problems, as far as they fit in the field of the board, or None."""
        text = "; ".join(self.problems)
        return boards.truncated(text, MAX_PROBLEM) or None


def read(config: pegel.Snapshot) -> Settings:
    """The settings in a record of board `config`."""
    problems: list[str] = []
    units: dict[str, Unit] = {}
    for index, serial in enumerate(config["serial"]):
        if not serial:
            continue
        try:
            model = hoymiles.model(serial)
        except ValueError as error:
            problems.append(f"inverter {index + 1}: {error}")
            continue
        if serial in units:
            problems.append(
                f"inverter {index + 1}: {serial} is also inverter {units[serial].index + 1}"
            )
            continue
        name, rated_power = config["name"][index], config["rated_power"][index]
        units[serial] = Unit(index, serial, name, model, rated_power)
    try:
        zone = zoneinfo.ZoneInfo(config["timezone"])
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(f"time zone {config['timezone']!r} not found. UTC is used")
        zone = zoneinfo.ZoneInfo("UTC")
    latitude, longitude = config["latitude"], config["longitude"]
    is_watched = config["night_pause"] and latitude is not None and longitude is not None
    return Settings(
        sequence=config.sequence,
        interval=config["interval"],
        units=tuple(units.values()),
        zone=zone,
        site=Site(latitude, longitude) if is_watched else None,
        limits=Limits(
            temperature_high=config["temperature_high"],
            voltage_low=config["voltage_low"],
            voltage_high=config["voltage_high"],
            silence=config["silence"],
        ),
        problems=tuple(problems),
    )
