"""The protocol of Hoymiles inverters of the HM family: frames, payloads and readings.

This module uses no ports, boards or clocks. A frame is the bytes of one radio telegram. A serial
number has six bytes in hexadecimal digits: the first two identify the model, and the last four are
the inverter's address.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from crccheck.crc import Crc, CrcModbus  # type: ignore[import-untyped]

POLL: Final = 0x15
ANSWER: Final = 0x95
CONTROL: Final = 0x51
CONTROL_ANSWER: Final = 0xD1
ALL: Final = 0x80
"""Requests all frames; plus a number, that frame again. In an answer, it marks the last frame."""
ONLY: Final = ALL + 1
"""Frame 1 that is also the last one."""
STATUS: Final = b"\x0b\x00"
FRAME_DATA: Final = 16
MAX_FRAMES: Final = 8
"""More than any inverter of the family sends."""
SERIAL_DIGITS: Final = 12


class FrameError(ValueError):
    """A frame or payload is damaged, or does not belong to the request."""


@dataclass(frozen=True)
class Model:
    """A kind of inverter, and the byte offsets of the values in its payload."""

    name: str
    rated: float
    """Rated power in watts."""
    voltage: tuple[int, ...]
    current: tuple[int, ...]
    power: tuple[int, ...]
    energy_total: tuple[int, ...]
    energy_daily: tuple[int, ...]
    ac: int
    """AC voltage, frequency, power, reactive power, current and factor; temperature, events."""

    @property
    def strings(self) -> int:
        return len(self.power)

    @property
    def size(self) -> int:
        """The size of a payload in bytes, without its checksum."""
        return self.ac + _AC.size


_AC: Final = struct.Struct(">6HhH")
_AC_SCALES: Final = (10, 100, 10, 10, 100, 1000, 10, 1)
_DC_SCALES: Final = {"voltage": 10, "current": 100, "power": 10}

MODELS: Final = {
    "1121": Model("HM-300", 300.0, (2,), (4,), (6,), (8,), (12,), 14),
    "1141": Model("HM-600", 600.0, (2, 8), (4, 10), (6, 12), (14, 18), (22, 24), 26),
    "1161": Model(
        name="HM-1200",
        rated=1200.0,
        # Two strings share an input, so they have the same voltage.
        voltage=(2, 2, 24, 24),
        current=(4, 6, 26, 28),
        power=(8, 10, 30, 32),
        energy_total=(12, 16, 34, 38),
        energy_daily=(20, 22, 42, 44),
        ac=46,
    ),
}
"""The models by the first four digits of a serial number."""


def model(serial: str) -> Model:
    """The model of a serial number."""
    if len(serial) != SERIAL_DIGITS or not (serial.isascii() and serial.isdigit()):
        raise ValueError(f"serial number must have {SERIAL_DIGITS} digits (got {serial!r})")
    try:
        return MODELS[serial[:4]]
    except KeyError:
        known = " or ".join(f"{first} ({model.name})" for first, model in MODELS.items())
        raise ValueError(f"serial number must begin with {known} (got {serial})") from None


def address(serial: str) -> bytes:
    """The address of an inverter, four bytes."""
    return bytes.fromhex(serial[-8:])


def _crc8(data: bytes) -> bytes:
    return bytes([Crc(8, 0x01).process(data).final()])


def _crc_modbus(data: bytes) -> bytes:
    return int(CrcModbus.calc(data)).to_bytes(2, "big")


def _frame(kind: int, to: bytes, sender: bytes, number: int, data: bytes = b"") -> bytes:
    frame = bytes([kind]) + to + sender + bytes([number]) + data
    return frame + _crc8(frame)


def _command(data: bytes) -> bytes:
    return data + _crc_modbus(data)


def poll(inverter: bytes, station: bytes, time: int) -> bytes:
    """The request for a reading at a Unix time."""
    command = STATUS + struct.pack(">I", time) + bytes(8)
    return _frame(POLL, inverter, station, ALL, _command(command))


def poll_again(inverter: bytes, station: bytes, number: int) -> bytes:
    """The request for one frame of the last answer."""
    return _frame(POLL, inverter, station, ALL + number)


class Action(IntEnum):
    """What an inverter can do."""

    ON = 0x00
    OFF = 0x01
    RESTART = 0x02
    LIMIT = 0x0B


@dataclass(frozen=True)
class Control:
    """An action of an inverter; the limit of its power is in watts or percent."""

    action: Action
    limit: float = 0.0
    is_relative: bool = False
    is_permanent: bool = False
    """Whether the limit survives a restart."""

    def data(self) -> bytes:
        command = bytes([self.action, 0])
        if self.action is Action.LIMIT:
            kind = (0x0100 if self.is_permanent else 0) + (1 if self.is_relative else 0)
            command += struct.pack(">HH", round(self.limit * 10), kind)
        return command


def control_frame(inverter: bytes, station: bytes, control: Control) -> bytes:
    """The frame that makes an inverter do something."""
    return _frame(CONTROL, inverter, station, ONLY, _command(control.data()))


def is_accepted(frame: bytes, inverter: bytes, action: Action) -> bool:
    """Whether the inverter accepts a control. Raises FrameError if the frame is not the answer."""
    _check(frame, CONTROL_ANSWER, 14)
    if frame[1:5] != inverter or frame[12] != action:
        raise FrameError(f"{frame.hex()} answers a different control")
    return frame[10:12] == b"\x00\x00"


def _check(frame: bytes, kind: int, least: int) -> None:
    if len(frame) < least or frame[0] != kind:
        raise FrameError(f"{frame.hex()} is not a frame of kind {kind:02x}")
    if _crc8(frame[:-1]) != frame[-1:]:
        raise FrameError(f"CRC-8 of {frame.hex()} is wrong")


@dataclass(frozen=True)
class Part:
    """The content of one frame of an answer."""

    inverter: bytes
    number: int
    is_last: bool
    data: bytes


def part(frame: bytes) -> Part:
    """The part of an answer in a frame, whose CRC-8 must be correct."""
    _check(frame, ANSWER, 12)
    number = frame[9] & ~ALL
    if not 1 <= number <= MAX_FRAMES:
        raise FrameError(
            f"{frame.hex()}: frame number must be between 1 and {MAX_FRAMES} (got {number})"
        )
    return Part(frame[1:5], number, bool(frame[9] & ALL), frame[10:-1])


class Answer:
    """Assembles the parts of one answer, which can arrive in any order and more than once."""

    def __init__(self) -> None:
        self._data: dict[int, bytes] = {}
        self._last: int | None = None

    def add(self, part: Part) -> None:
        self._data[part.number] = part.data
        if part.is_last:
            self._last = part.number

    def is_empty(self) -> bool:
        return not self._data

    def missing(self) -> list[int]:
        """Missing frames up to the last one, or up to the next one while the last is unknown."""
        last = self._last or min(max(self._data, default=0) + 1, MAX_FRAMES)
        return [number for number in range(1, last + 1) if number not in self._data]

    def payload(self) -> bytes | None:
        """The payload once it is complete, else None. Its Modbus CRC must be correct."""
        if self._last is None or self.missing():
            return None
        joined = b"".join(self._data[number] for number in range(1, self._last + 1))
        if len(joined) < 3 or _crc_modbus(joined[:-2]) != joined[-2:]:
            raise FrameError(f"Modbus CRC of {joined.hex()} is wrong")
        return joined[:-2]


@dataclass(frozen=True)
class Strings:
    """The measurements of an inverter's strings, one element for each string."""

    voltage: tuple[float, ...]
    current: tuple[float, ...]
    power: tuple[float, ...]
    energy_total: tuple[int, ...]
    energy_daily: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """One reading of an inverter, in V, A, W, var, Hz, Wh and degrees Celsius."""

    strings: Strings
    ac_voltage: float
    ac_frequency: float
    ac_power: float
    ac_reactive_power: float
    ac_current: float
    powerfactor: float
    temperature: float
    event_count: int

    @property
    def efficiency(self) -> float:
        """AC power over DC power, in percent."""
        power = sum(self.strings.power)
        return round(100 * self.ac_power / power, 2) if power else 0.0

    def irradiation(self, rated_power: float) -> tuple[float, ...]:
        """Power of each string over its module's rated power, in percent."""
        return tuple(round(100 * power / rated_power, 3) for power in self.strings.power)


def decode(model: Model, payload: bytes) -> Reading:
    """The reading in a payload."""
    if len(payload) != model.size:
        raise FrameError(
            f"payload of an {model.name} must have {model.size} bytes (got {len(payload)}:"
            f" {payload.hex()})"
        )

    def numbers(offsets: Sequence[int], size: int) -> tuple[int, ...]:
        return tuple(int.from_bytes(payload[at : at + size], "big") for at in offsets)

    def scaled(quantity: str) -> tuple[float, ...]:
        scale = _DC_SCALES[quantity]
        return tuple(number / scale for number in numbers(getattr(model, quantity), 2))

    ac = _AC.unpack_from(payload, model.ac)
    voltage, frequency, power, reactive, current, factor, temperature, _ = (
        number / scale for number, scale in zip(ac, _AC_SCALES, strict=True)
    )
    return Reading(
        strings=Strings(
            voltage=scaled("voltage"),
            current=scaled("current"),
            power=scaled("power"),
            energy_total=numbers(model.energy_total, 4),
            energy_daily=numbers(model.energy_daily, 2),
        ),
        ac_voltage=voltage,
        ac_frequency=frequency,
        ac_power=power,
        ac_reactive_power=reactive,
        ac_current=current,
        powerfactor=factor,
        temperature=temperature,
        event_count=ac[-1],
    )


# The inverter's side, for simulators.


@dataclass(frozen=True)
class Request:
    """A request of a station to an inverter."""

    inverter: bytes
    frame: int = 0
    """The frame of the last answer to send again; 0 for a new answer."""
    control: Control | None = None


def parse_request(frame: bytes) -> Request:
    """The request in a frame of a station."""
    if len(frame) < 11 or frame[0] not in (POLL, CONTROL) or _crc8(frame[:-1]) != frame[-1:]:
        raise FrameError(f"{frame.hex()} is neither a poll nor a control")
    inverter, data = frame[1:5], frame[10:-1]
    if frame[0] == POLL:
        return Request(inverter, frame[9] - ALL)
    if len(data) < 4 or _crc_modbus(data[:-2]) != data[-2:]:
        raise FrameError(f"Modbus CRC of {frame.hex()} is wrong")
    try:
        action = Action(data[0])
        if action is not Action.LIMIT:
            return Request(inverter, control=Control(action))
        limit, kind = struct.unpack(">HH", data[2:-2])
    except (ValueError, struct.error) as error:
        raise FrameError(f"{frame.hex()}: {error}") from error
    return Request(
        inverter, control=Control(action, limit / 10, bool(kind & 1), bool(kind & 0x100))
    )


def control_answer(inverter: bytes, action: Action, is_accepted: bool) -> bytes:
    """The frame in which an inverter accepts or rejects a control."""
    verdict = b"\x00\x00" if is_accepted else b"\x00\x01"
    return _frame(CONTROL_ANSWER, inverter, inverter, ONLY, verdict + bytes([action]))


def answer(inverter: bytes, payload: bytes) -> list[bytes]:
    """The frames of an answer with this payload."""
    joined = _command(payload)
    chunks = [joined[at : at + FRAME_DATA] for at in range(0, len(joined), FRAME_DATA)]
    # An inverter sends its own address as both receiver and sender.
    return [
        _frame(ANSWER, inverter, inverter, number | (ALL if number == len(chunks) else 0), chunk)
        for number, chunk in enumerate(chunks, 1)
    ]


def encode(model: Model, reading: Reading) -> bytes:
    """The payload of a reading, rounded to the resolution of the protocol."""
    payload = bytearray(model.size)
    payload[1] = 1

    def put(offsets: Sequence[int], values: Sequence[float], scale: int, size: int) -> None:
        for at, value in zip(offsets, values, strict=True):
            payload[at : at + size] = round(value * scale).to_bytes(size, "big")

    strings = reading.strings
    for quantity, scale in _DC_SCALES.items():
        put(getattr(model, quantity), getattr(strings, quantity), scale, 2)
    put(model.energy_total, strings.energy_total, 1, 4)
    put(model.energy_daily, strings.energy_daily, 1, 2)
    ac = (
        reading.ac_voltage,
        reading.ac_frequency,
        reading.ac_power,
        reading.ac_reactive_power,
        reading.ac_current,
        reading.powerfactor,
        reading.temperature,
        reading.event_count,
    )
    pairs = zip(ac, _AC_SCALES, strict=True)
    _AC.pack_into(payload, model.ac, *(round(value * scale) for value, scale in pairs))
    return bytes(payload)
