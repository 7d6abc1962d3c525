"""The station's boards: their fields, and the values that hold until somebody says otherwise."""

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

CONFIG = {
    "interval": pegel.f64("s", default=5.0, min=0.1, max=3600.0, label="Ask every"),
    "rated_power": pegel.f64(
        "W",
        count=STRINGS,
        default=(405.0,) * STRINGS,
        min=1.0,
        max=10000.0,
        label="Rated power",
    ),
}
"""Written by the page, by turns."""

SERVICE = {"running": pegel.bool_(default=False, label="The daemon shall run")}
"""Written by the page, by turns."""


def by_turns(board: str, fields: dict[str, pegel.Field]) -> pegel.Writer:
    """Takes a board that is written by turns. Whoever comes first, page or program, creates it."""
    return pegel.Writer(board, fields, mode=0o660, timeout=None)
