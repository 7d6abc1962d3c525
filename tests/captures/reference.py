"""A second decoder for the status answers of Hoymiles inverters, written from README.md beside it.

It shares no code with the station's decoder (station/hoymiles.py): a mistake in one of
them shows as a difference between the two.
"""

import functools
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

RATED_POWER = 405
"""Watts of one string's module, which `irradiation` relates to."""

STRINGS = {
    "HM-300": ((2, 4, 6, 8, 12),),
    "HM-600": ((2, 4, 6, 14, 22), (8, 10, 12, 18, 24)),
    "HM-1200": (
        (2, 4, 8, 12, 20),
        (2, 6, 10, 16, 22),
        (24, 26, 30, 34, 42),
        (24, 28, 32, 38, 44),
    ),
}
"""Offsets of each string's voltage, current, power, total energy and energy today."""

GRID = {"HM-300": 14, "HM-600": 26, "HM-1200": 46}
"""Offset of the AC voltage, which starts eight numbers of two bytes; the payload ends with them."""


class AnswerError(ValueError):
    """The frames are not one complete, undamaged answer."""


def crc8(data: bytes) -> int:
    """The remainder modulo x^8 + 1, which is the exclusive or of all bytes."""
    return functools.reduce(operator.xor, data, 0)


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def split(address: bytes, payload: bytes) -> list[bytes]:
    """The frames in which an inverter sends a payload."""
    data = payload + crc16(payload).to_bytes(2, "big")
    starts = range(0, len(data), 16)
    frames = []
    for number, start in enumerate(starts, 1):
        sequence = number | (0x80 if number == len(starts) else 0)
        frame = b"\x95" + address + address + bytes([sequence]) + data[start : start + 16]
        frames.append(frame + bytes([crc8(frame)]))
    return frames


def join(frames: Sequence[bytes]) -> bytes:
    """The payload with its CRC-16. Of several frames with one number, the newest counts."""
    parts: dict[int, bytes] = {}
    last = 0
    for frame in frames:
        if not 12 <= len(frame) <= 27 or frame[0] != 0x95:
            raise AnswerError(f"{frame.hex()} is not a frame of an answer")
        if crc8(frame) != 0:
            raise AnswerError(f"{frame.hex()}: the CRC-8 is wrong")
        if frame[1:9] != frames[0][1:9]:
            raise AnswerError(f"{frame.hex()} has other addresses than {frames[0].hex()}")
        number = frame[9] & 0x7F
        parts[number] = frame[10:-1]
        if frame[9] & 0x80:
            last = number
    if sorted(parts) != list(range(1, last + 1)) or not parts:
        raise AnswerError(f"there are frames {sorted(parts)}, and the last one is {last}")
    data = b"".join(parts[number] for number in sorted(parts))
    if crc16(data[:-2]) != int.from_bytes(data[-2:], "big"):
        raise AnswerError(f"{data.hex()}: the CRC-16 is wrong")
    return data


def decode(model: str, frames: Sequence[bytes]) -> dict[str, Any]:
    """What a capture has as `decoded`."""
    payload = join(frames)[:-2]
    grid = GRID[model]
    if len(payload) != grid + 16:
        raise AnswerError(f"{payload.hex()} has {len(payload)} bytes, not {grid + 16}")

    def number(offset: int, size: int = 2, *, signed: bool = False) -> int:
        return int.from_bytes(payload[offset : offset + size], "big", signed=signed)

    def percent(part: int, whole: int, digits: int) -> float:
        return float(round(Fraction(100 * part, whole), digits)) if whole else 0.0

    strings = [
        {
            "voltage": number(voltage) / 10,
            "current": number(current) / 100,
            "power": number(power) / 10,
            "energy_total": number(total, 4),
            "energy_daily": number(today),
            "irradiation": percent(number(power), 10 * RATED_POWER, 3),
        }
        for voltage, current, power, total, today in STRINGS[model]
    ]
    return {
        "phases": [
            {
                "voltage": number(grid) / 10,
                "current": number(grid + 8) / 100,
                "power": number(grid + 4) / 10,
                "reactive_power": number(grid + 6) / 10,
                "frequency": number(grid + 2) / 100,
            }
        ],
        "strings": strings,
        "temperature": number(grid + 12, signed=True) / 10,
        "powerfactor": number(grid + 10) / 1000,
        "yield_total": float(sum(string["energy_total"] for string in strings)),
        "yield_today": float(sum(string["energy_daily"] for string in strings)),
        "efficiency": percent(
            number(grid + 4), sum(number(power) for _, _, power, _, _ in STRINGS[model]), 2
        ),
        "event_count": number(grid + 14),
    }
