"""The log: a text of a board cannot forge a line of it."""

from helpers.programs import wait_until
from helpers.station import HM600, log_has, start
from logs import one_line
from temporary import Station, padded

FORGED = "1999-06-21 11:00:00 ERROR x"


def test_a_text_stays_on_its_line() -> None:
    assert one_line("Garage\r\n\x1b[31mü\u2028\x85") == "Garage\\r\\n\\x1b[31mü\\u2028\\x85"


def test_a_name_cannot_forge_a_line_of_the_log(station: Station) -> None:
    start(station, HM600, name=padded(f"G\n{FORGED}"[:24]))
    wait_until(log_has(station, HM600))
    lines = station.log.read_text().splitlines()
    assert not [line for line in lines if line.startswith(FORGED[:20])]
    assert any("G\\n" in line for line in lines)
