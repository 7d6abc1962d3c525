"""What board `config` asks of the daemon, checked: what cannot be is told, and the rest holds."""

import zoneinfo
from dataclasses import dataclass
from typing import Final

import boards
import hoymiles
import pegel

MAX_COMPLAINT: Final = 160


@dataclass(frozen=True)
class Unit:
    """An inverter as it is configured."""

    place: int
    """Its place in the configuration, from 0."""
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
    """Where the station is, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Limits:
    """Readings beyond these are events."""

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
    """None where the sun is not to be watched."""
    limits: Limits
    complaints: tuple[str, ...]

    @property
    def complaint(self) -> str | None:
        """All complaints, as many as a board's text has room for."""
        text = "; ".join(self.complaints)
        return boards.fitting(text, MAX_COMPLAINT) or None


def read(config: pegel.Snapshot) -> Settings:
    """The settings in a record of board `config`."""
    complaints: list[str] = []
    units: dict[str, Unit] = {}
    for place, serial in enumerate(config["serial"]):
        if not serial:
            continue
        try:
            model = hoymiles.model(serial)
        except ValueError as error:
            complaints.append(f"inverter {place + 1}: {error}")
            continue
        if serial in units:
            complaints.append(
                f"inverter {place + 1}: {serial} is inverter {units[serial].place + 1}"
            )
            continue
        name, rated_power = config["name"][place], config["rated_power"][place]
        units[serial] = Unit(place, serial, name, model, rated_power)
    try:
        zone = zoneinfo.ZoneInfo(config["timezone"])
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        complaints.append(f"there is no time zone {config['timezone']!r}; UTC is taken")
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
        complaints=tuple(complaints),
    )
