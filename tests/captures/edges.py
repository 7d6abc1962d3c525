"""Answers that no capture has, written and decoded by hand from the tables in README.md."""

from dataclasses import dataclass
from typing import Any

from helpers.station import HM300, HM600, HM1200


@dataclass(frozen=True)
class Edge:
    name: str
    serial: str
    model: str
    payload: bytes
    decoded: dict[str, Any]

    def __str__(self) -> str:
        return self.name


COLD = Edge(
    name="one string in frost",
    serial=HM300,
    model="HM-300",
    payload=bytes.fromhex(
        "0001"
        "0147 0031 009f 000bd364 03a9"  # 32.7 V, 0.49 A, 15.9 W, 775012 Wh, 937 Wh
        "08d6 1388 0098 0000 0007 03e8 ff85 000d"  # -123 is ff85
    ),
    decoded={
        "phases": [
            {
                "voltage": 226.2,
                "current": 0.07,
                "power": 15.2,
                "reactive_power": 0.0,
                "frequency": 50.0,
            }
        ],
        "strings": [
            {
                "voltage": 32.7,
                "current": 0.49,
                "power": 15.9,
                "energy_total": 775012,
                "energy_daily": 937,
                "irradiation": 3.926,  # 15.9 / 405
            }
        ],
        "temperature": -12.3,
        "powerfactor": 1.0,
        "yield_total": 775012.0,
        "yield_today": 937.0,
        "efficiency": 95.6,  # 15.2 / 15.9
        "event_count": 13,
    },
)

FOUR_STRINGS = Edge(
    name="four strings, of which pairs share a voltage",
    serial=HM1200,
    model="HM-1200",
    payload=bytes.fromhex(
        "0001"
        "0168 00d2 00d3 02f4 02f8 000f4240 000f4241 01f4 01f5"
        "0172 00c8 00c9 02e4 02e8 00000001 000f4243 01f6 01f7"
        "0900 138a 0b24 0005 007c 03e7 00fa 0002"
    ),
    decoded={
        "phases": [
            {
                "voltage": 230.4,
                "current": 1.24,
                "power": 285.2,
                "reactive_power": 0.5,
                "frequency": 50.02,
            }
        ],
        "strings": [
            {
                "voltage": 36.0,
                "current": 2.1,
                "power": 75.6,
                "energy_total": 1_000_000,
                "energy_daily": 500,
                "irradiation": 18.667,
            },
            {
                "voltage": 36.0,
                "current": 2.11,
                "power": 76.0,
                "energy_total": 1_000_001,
                "energy_daily": 501,
                "irradiation": 18.765,
            },
            {
                "voltage": 37.0,
                "current": 2.0,
                "power": 74.0,
                "energy_total": 1,
                "energy_daily": 502,
                "irradiation": 18.272,
            },
            {
                "voltage": 37.0,
                "current": 2.01,
                "power": 74.4,
                "energy_total": 1_000_003,
                "energy_daily": 503,
                "irradiation": 18.37,
            },
        ],
        "temperature": 25.0,
        "powerfactor": 0.999,
        "yield_total": 3_000_005.0,
        "yield_today": 2006.0,
        "efficiency": 95.07,  # 285.2 / 300.0
        "event_count": 2,
    },
)

DARK = Edge(
    name="dawn: awake, with no power, at 0 degrees",
    serial=HM600,
    model="HM-600",
    payload=bytes.fromhex("0001" + 24 * "00" + "08ad 138b" + 12 * "00"),
    decoded={
        "phases": [
            {
                "voltage": 222.1,
                "current": 0.0,
                "power": 0.0,
                "reactive_power": 0.0,
                "frequency": 50.03,
            }
        ],
        "strings": 2
        * [
            {
                "voltage": 0.0,
                "current": 0.0,
                "power": 0.0,
                "energy_total": 0,
                "energy_daily": 0,
                "irradiation": 0.0,
            }
        ],
        "temperature": 0.0,
        "powerfactor": 0.0,
        "yield_total": 0.0,
        "yield_today": 0.0,
        "efficiency": 0.0,
        "event_count": 0,
    },
)

FULL = Edge(
    name="every bit set",
    serial=HM600,
    model="HM-600",
    payload=bytes.fromhex(42 * "ff"),
    decoded={
        "phases": [
            {
                "voltage": 6553.5,
                "current": 655.35,
                "power": 6553.5,
                "reactive_power": 6553.5,
                "frequency": 655.35,
            }
        ],
        "strings": 2
        * [
            {
                "voltage": 6553.5,
                "current": 655.35,
                "power": 6553.5,
                "energy_total": 4_294_967_295,
                "energy_daily": 65535,
                "irradiation": 1618.148,
            }
        ],
        "temperature": -0.1,  # the only number with a sign
        "powerfactor": 65.535,
        "yield_total": 8_589_934_590.0,
        "yield_today": 131_070.0,
        "efficiency": 50.0,
        "event_count": 65535,
    },
)

EDGES = (COLD, FOUR_STRINGS, DARK, FULL)
