"""The record of all peers: eight fields, 256 bytes, with one layout."""

import struct
from typing import Any

import pegel

BOARD = "probe"
FIELDS = {
    "power": pegel.f64("W"),
    "voltage": pegel.f64("V"),
    "current": pegel.f64("A"),
    "frequency": pegel.f64("Hz"),
    "total": pegel.u64("Wh"),
    "events": pegel.u32(),
    "on": pegel.bool_(),
    "note": pegel.text(211),
}
NAMES = tuple(FIELDS)
RECORD = {
    "power": 371.5,
    "voltage": 231.25,
    "current": 1.625,
    "frequency": 50.0,
    "total": 12_345_678,
    "events": 70_000,
    "on": True,
    "note": "rising",
}
LAYOUT = struct.Struct("=4dQI?211s")
PACKED = LAYOUT.pack(*list(RECORD.values())[:-1], str(RECORD["note"]).encode())


def unpack(record: Any) -> dict[str, Any]:
    """The values by name, from the bytes."""
    power, voltage, current, frequency, total, events, on, note = LAYOUT.unpack_from(record)
    return {
        "power": power,
        "voltage": voltage,
        "current": current,
        "frequency": frequency,
        "total": total,
        "events": events,
        "on": on,
        "note": note.rstrip(b"\0").decode(),
    }
