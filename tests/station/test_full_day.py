"""24 simulated hours: every value that the inverters said is on the boards, and no other."""

import json

import pytest

import hoymiles
import pegel
from helpers.programs import WATCHDOG, wait_until
from helpers.station import DAY, HM600, HM1200, LOSSY, newest, reader, start, stop
from temporary import Station


@pytest.mark.long
def test_24_hours_without_a_wrong_torn_or_missing_value(station: Station) -> None:
    truth = station.log.parent / "truth"
    start(
        station,
        HM600,
        HM1200,
        speed=2880,
        hour=0,
        interval=144.0,
        answer_time=LOSSY,
        simulator=("--loss", "0.02", "--truth", str(truth)),
    )
    followers = {}
    seen: dict[str, list[pegel.Snapshot]] = {}
    for serial in (HM600, HM1200):
        followers[serial] = reader(station, f"inverter-{serial}").follow(every=True)
        seen[serial] = []
    daemon = reader(station, "daemon")
    # The first record is the default.
    daemon.wait(1, WATCHDOG)
    began = daemon.read()["now"]

    def is_over() -> bool:
        for serial, follower in followers.items():
            while (now := follower.poll()) is not None:
                seen[serial].append(now)
        is_later = newest(station, "daemon")["now"] >= began + DAY
        # A slow machine needs more of a day to have seen as much.
        return bool(is_later and all(len(records) > 200 for records in seen.values()))

    wait_until(is_over, "24 hours")
    stop(station, "daemon")
    is_over()
    answered = newest(station, "daemon")["answers"]
    said: dict[str, list[hoymiles.Reading]] = {HM600: [], HM1200: []}
    for line in truth.read_text().splitlines():
        one = json.loads(line)
        if one["kind"] == "reading":
            model = hoymiles.model(one["inverter"])
            payload = bytes.fromhex(one["payload"])
            said[one["inverter"]].append(hoymiles.decode(model, payload))
    for place, serial in enumerate((HM600, HM1200)):
        records = seen[serial]
        # None is missing: each answer is a publication, and each of those was read, in order.
        assert [now.sequence for now in records] == list(range(1, len(records) + 1))
        assert all(now.missed == 0 for now in records)
        # The daemon may have been stopped between an answer and its own status.
        assert len(records) - answered[place] in (0, 1)
        assert len(records) > 200
        # None is wrong or torn: each is one of those that were said, and they come in that order.
        at = 0
        for now in records:
            while not is_the_same(now, said[serial][at]):
                at += 1
                assert at < len(said[serial]), f"{serial}: {dict(now)} was never said"


def is_the_same(now: pegel.Snapshot, reading: hoymiles.Reading) -> bool:
    strings = reading.strings
    expected = {
        "string_voltage": strings.voltage,
        "string_current": strings.current,
        "string_power": strings.power,
        "string_energy_total": strings.energy_total,
        "string_energy_daily": strings.energy_daily,
        "ac_voltage": reading.ac_voltage,
        "ac_current": reading.ac_current,
        "ac_power": reading.ac_power,
        "ac_reactive_power": reading.ac_reactive_power,
        "ac_frequency": reading.ac_frequency,
        "temperature": reading.temperature,
        "powerfactor": reading.powerfactor,
        "yield_total": sum(strings.energy_total),
        "yield_today": sum(strings.energy_daily),
        "efficiency": reading.efficiency,
        "event_count": reading.event_count,
    }
    return all(now[name] == value for name, value in expected.items())
