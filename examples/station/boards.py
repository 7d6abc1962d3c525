"""The station's boards: their fields, and the values that hold until somebody says otherwise."""

from typing import Any

import pegel

SERIAL_SIZE = 16
STRINGS = 2

INVERTER = {
    "serial": pegel.text(SERIAL_SIZE),
    "measured": pegel.i64("s"),
    "string_voltage": pegel.f64("V", count=STRINGS),
    "string_current": pegel.f64("A", count=STRINGS),
    "string_power": pegel.f64("W", count=STRINGS),
    "string_energy_total": pegel.u32("Wh", count=STRINGS),
    "string_energy_daily": pegel.u32("Wh", count=STRINGS),
    "string_irradiation": pegel.f64("%", count=STRINGS),
    "ac_voltage": pegel.f64("V"),
    "ac_current": pegel.f64("A"),
    "ac_power": pegel.f64("W"),
    "ac_reactive_power": pegel.f64("var"),
    "ac_frequency": pegel.f64("Hz"),
    "temperature": pegel.f64("degC"),
    "powerfactor": pegel.f64(),
    "yield_total": pegel.f64("Wh"),
    "yield_today": pegel.f64("Wh"),
    "efficiency": pegel.f64("%"),
    "event_count": pegel.u32(),
}
"""Written by the daemon alone, which holds it as long as it lives: mode 0640."""

CONFIG = {"interval": pegel.f64("s"), "rated_power": pegel.f64("W", count=STRINGS)}
CONFIG_DEFAULTS: dict[str, Any] = {"interval": 5.0, "rated_power": (405.0, 405.0)}
"""Written by the page, by turns."""

SERVICE = {"running": pegel.bool_()}
SERVICE_DEFAULTS: dict[str, Any] = {"running": False}
"""Whether the daemon shall run; written by the page, by turns."""

BY_TURNS = 0o660


def ensure(board: str, fields: dict[str, pegel.Field], values: dict[str, Any]) -> None:
    """Sees to it that a board that is written by turns exists and has a record.

    Whoever comes first, page or program, creates it; a record that is there stays.
    """
    while True:
        try:
            with pegel.Writer(board, fields, mode=BY_TURNS) as writer:
                writer.publish_if(0, values)
        except pegel.Conflict:
            return
        except pegel.Locked:
            # Somebody is creating or writing it at this moment: wait for the turn.
            try:
                pegel.Writer.open(board, timeout=None).close()
            except pegel.NotFound:
                continue
        else:
            return
