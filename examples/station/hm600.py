"""The Hoymiles HM-600's answer to a poll: frames, payload, reading.

Nothing here knows of ports, boards or clocks. A frame is the bytes of one radio telegram.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crccheck.crc import Crc, CrcModbus  # type: ignore[import-untyped]

POLL: Final = 0x15
ANSWER: Final = 0x95
WHOLE: Final = 0x80
"""Asks for all frames; with a number added, for that frame again. Marks the last frame, too."""
COMMAND: Final = b"\x0b\x00"
FRAME_DATA: Final = 16
PAYLOAD_SIZE: Final = 42
MAX_FRAMES: Final = 8
"""More than any inverter of the family sends."""

_STATUS = struct.Struct(">2x 3H 3H 2I 2H 6HhH")


class FrameError(ValueError):
    """A frame or payload that is damaged, or not an answer."""


def _crc8(data: bytes) -> bytes:
    return bytes([Crc(8, 0x01).process(data).final()])


def _crc_modbus(data: bytes) -> bytes:
    return int(CrcModbus.calc(data)).to_bytes(2, "big")


def _header(kind: int, to: bytes, sender: bytes) -> bytes:
    return bytes([kind]) + to + sender


def poll(inverter: bytes, station: bytes, time: int) -> bytes:
    """The question for a status, at a Unix time."""
    command = COMMAND + struct.pack(">I", time) + bytes(8)
    frame = _header(POLL, inverter, station) + bytes([WHOLE]) + command + _crc_modbus(command)
    return frame + _crc8(frame)


def poll_again(inverter: bytes, station: bytes, number: int) -> bytes:
    """The question for one frame of the last answer."""
    frame = _header(POLL, inverter, station) + bytes([WHOLE + number])
    return frame + _crc8(frame)


def asked(frame: bytes) -> tuple[bytes, int]:
    """Which inverter a question is for, and which frame it wants: 0 is a whole new answer."""
    if len(frame) < 11 or frame[0] != POLL or _crc8(frame[:-1]) != frame[-1:]:
        raise FrameError(f"no poll: {frame.hex()}")
    return frame[1:5], frame[9] - WHOLE


@dataclass(frozen=True)
class Part:
    """What one frame carries of an answer."""

    inverter: bytes
    number: int
    is_last: bool
    data: bytes


def part(frame: bytes) -> Part:
    """The part in a frame, whose CRC-8 must be right."""
    if len(frame) < 12 or frame[0] != ANSWER:
        raise FrameError(f"no answer: {frame.hex()}")
    if _crc8(frame[:-1]) != frame[-1:]:
        raise FrameError(f"CRC-8 of {frame.hex()} is wrong")
    number = frame[9] & ~WHOLE
    if not 1 <= number <= MAX_FRAMES:
        raise FrameError(f"frame {number} of {frame.hex()} cannot be")
    return Part(frame[1:5], number, bool(frame[9] & WHOLE), frame[10:-1])


class Answer:
    """Puts the parts of one answer together, in whatever order and however often they come."""

    def __init__(self) -> None:
        self._data: dict[int, bytes] = {}
        self._last: int | None = None

    def add(self, part: Part) -> None:
        self._data[part.number] = part.data
        if part.is_last:
            self._last = part.number

    def missing(self) -> list[int]:
        """The frames to ask for again: all up to the last one, or the next if that is unknown."""
        last = self._last or min(max(self._data, default=0) + 1, MAX_FRAMES)
        return [number for number in range(1, last + 1) if number not in self._data]

    def payload(self) -> bytes | None:
        """The payload once it is complete, whose Modbus CRC must be right."""
        if self._last is None or self.missing():
            return None
        joined = b"".join(self._data[number] for number in range(1, self._last + 1))
        if len(joined) < 3 or _crc_modbus(joined[:-2]) != joined[-2:]:
            raise FrameError(f"Modbus CRC of {joined.hex()} is wrong")
        return joined[:-2]


def answer(inverter: bytes, payload: bytes) -> list[bytes]:
    """The frames in which an inverter sends a payload."""
    joined = payload + _crc_modbus(payload)
    chunks = [joined[at : at + FRAME_DATA] for at in range(0, len(joined), FRAME_DATA)]
    frames = []
    for number, chunk in enumerate(chunks, 1):
        mark = WHOLE if number == len(chunks) else 0
        # An HM-600 gives its own address as both.
        frame = _header(ANSWER, inverter, inverter) + bytes([number | mark]) + chunk
        frames.append(frame + _crc8(frame))
    return frames


@dataclass(frozen=True)
class Strings:
    """What the inverter measures of its two strings."""

    voltage: tuple[float, float]
    current: tuple[float, float]
    power: tuple[float, float]
    energy_total: tuple[int, int]
    energy_daily: tuple[int, int]


@dataclass(frozen=True)
class Reading:
    """One status of the inverter, in V, A, W, var, Hz, Wh and degrees Celsius."""

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

    def irradiation(self, rated_power: Sequence[float]) -> tuple[float, ...]:
        """Power of each string over its rated power, in percent."""
        pairs = zip(self.strings.power, rated_power, strict=True)
        return tuple(round(100 * power / rated, 3) for power, rated in pairs)


def decode(payload: bytes) -> Reading:
    """The reading in a payload."""
    if len(payload) != PAYLOAD_SIZE:
        raise FrameError(f"payload {payload.hex()} has {len(payload)} bytes, not {PAYLOAD_SIZE}")
    u1, i1, p1, u2, i2, p2, total1, total2, daily1, daily2, *ac = _STATUS.unpack(payload)
    voltage, frequency, power, reactive, current, factor, temperature, events = ac
    return Reading(
        strings=Strings(
            voltage=(u1 / 10, u2 / 10),
            current=(i1 / 100, i2 / 100),
            power=(p1 / 10, p2 / 10),
            energy_total=(total1, total2),
            energy_daily=(daily1, daily2),
        ),
        ac_voltage=voltage / 10,
        ac_frequency=frequency / 100,
        ac_power=power / 10,
        ac_reactive_power=reactive / 10,
        ac_current=current / 100,
        powerfactor=factor / 1000,
        temperature=temperature / 10,
        event_count=events,
    )


def encode(reading: Reading) -> bytes:
    """The payload of a reading, rounded to what the inverter's numbers can say."""
    strings = reading.strings
    per_string = zip(strings.voltage, strings.current, strings.power, strict=True)
    dc = [
        round(value * scale)
        for values in per_string
        for value, scale in zip(values, (10, 100, 10), strict=True)
    ]
    ac = (
        round(reading.ac_voltage * 10),
        round(reading.ac_frequency * 100),
        round(reading.ac_power * 10),
        round(reading.ac_reactive_power * 10),
        round(reading.ac_current * 100),
        round(reading.powerfactor * 1000),
        round(reading.temperature * 10),
        reading.event_count,
    )
    energies = (*strings.energy_total, *strings.energy_daily)
    return b"\x00\x01" + _STATUS.pack(*dc, *energies, *ac)[2:]
