"""The daemon: what it does with answers, silence, settings, the sun and its port."""

import json
import subprocess
from typing import Any

import numpy
import pytest

import hoymiles
import pegel
from captures.capture import Capture
from captures.edges import EDGES, Edge
from captures.reference import split
from clock import Clock
from helpers.programs import WATCHDOG, environment, php, run, wait_until
from helpers.station import (
    DAY,
    HM300,
    HM600,
    HM1200,
    LOSSY,
    MIDSUMMER,
    change,
    kill,
    log_has,
    newest,
    reader,
    start,
    start_daemon,
    stop,
)
from temporary import Station, configure, padded


def as_published(decoded: dict[str, Any], **others: object) -> dict[str, Any]:
    """What board `inverter-SERIAL` has of a poll, beside others."""
    [phase] = decoded["phases"]
    strings = decoded["strings"]
    return {
        **others,
        "limit": None,
        **{f"string_{key}": [string[key] for string in strings] for key in strings[0]},
        **{f"ac_{key}": value for key, value in phase.items()},
        **{key: decoded[key] for key in decoded if key not in ("phases", "strings")},
    }


def test_recorded_polls_reach_php_exactly(
    station: Station, polls: list[dict[str, Any]], capture: Capture
) -> None:
    command = [*php("tests/station/readings.php"), str(len(polls))]
    with subprocess.Popen(
        command, env=environment(station.boards), stdout=subprocess.PIPE, text=True
    ) as page:
        copy = station.site / "capture.jsonl"
        copy.write_bytes(capture.path.read_bytes())
        configure(station, serial=padded(HM600), interval=3600.0)
        station.start_simulator("--replay", str(copy))
        # A second poll would be answered by the next one of the capture.
        station.answer_time = WATCHDOG
        start_daemon(station)
        assert page.stdout
        readings = [json.loads(page.stdout.readline())]
        for number in range(1, len(polls)):
            # New settings are a reason to ask at once.
            change(station, "config", interval=3600.0 - number)
            readings.append(json.loads(page.stdout.readline()))
        assert page.stdout.read() == ""
    assert page.returncode == 0
    for now, poll in zip(readings, polls, strict=True):
        known = {"serial": HM600, "model": "HM-600", "measured": now["measured"]}
        assert now == as_published(poll["decoded"], **known)


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_edge_cases_reach_boards_exactly(station: Station, edge: Edge) -> None:
    """The first poll has no answer, as at night."""
    frames = [frame.hex() for frame in split(hoymiles.address(edge.serial), edge.payload)]
    # More answers than one: a busy machine may ask again before the first one arrives.
    lines = [{"frames": []}, *50 * [{"frames": frames[::-1] + frames[:1]}]]
    copy = station.site / "capture.jsonl"
    copy.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    configure(station, serial=padded(edge.serial), interval=0.1)
    station.start_simulator("--inverter", edge.serial, "--replay", str(copy))
    start_daemon(station)
    inverter = reader(station, f"inverter-{edge.serial}")
    inverter.wait(0, WATCHDOG)
    now = dict(inverter.read())
    expected = as_published(
        edge.decoded, serial=edge.serial, model=edge.model, measured=now["measured"]
    )
    for name, values in expected.items():
        if name.startswith("string_"):
            # A field of one element is a plain value.
            expected[name] = tuple(values) if len(values) > 1 else values[0]
    assert now == expected


@pytest.mark.long
def test_inverters_of_all_models_and_lost_and_damaged_frames(station: Station) -> None:
    start(station, HM300, HM600, HM1200, answer_time=LOSSY, simulator=("--loss", "0.2"))
    change(station, "faults", noise=0.1)
    for serial, model, strings in (
        (HM300, "HM-300", 1),
        (HM600, "HM-600", 2),
        (HM1200, "HM-1200", 4),
    ):
        inverter = reader(station, f"inverter-{serial}")
        assert inverter.fields["string_power"].count == strings
        for _ in range(5):
            inverter.wait(inverter.sequence, WATCHDOG)
            now = inverter.read()
            assert (now["serial"], now["model"]) == (serial, model)
            assert now["yield_total"] == numpy.sum(now["string_energy_total"])
            assert 0 < now["ac_power"] <= numpy.sum(now["string_power"])
    wait_until(lambda: sum(newest(station, "daemon")["damaged"]) > 0, "a damaged frame")
    status = newest(station, "daemon")
    assert status["state"] == "working"
    assert status["serial"] == (HM300, HM600, HM1200, "")
    for place in range(3):
        assert 0 < status["answers"][place] <= status["polls"][place]
        assert status["frames"][place] > status["answers"][place]
        assert status["retries"][place] > 0


def test_every_reading_is_what_the_inverter_said(station: Station) -> None:
    truth = station.log.parent / "truth"
    simulator = ("--loss", "0.1", "--truth", str(truth))
    start(station, HM600, answer_time=LOSSY, simulator=simulator)
    inverter = reader(station, f"inverter-{HM600}")
    for _ in range(10):
        inverter.wait(inverter.sequence, WATCHDOG)
    stop(station, "daemon")
    said = [json.loads(line) for line in truth.read_text().splitlines()]
    daily = [int(one["payload"][44:52], 16) for one in said if one["kind"] == "reading"]
    last = inverter.read()
    assert (last["string_energy_daily"][0] << 16 | last["string_energy_daily"][1]) in daily


def test_settings_are_obeyed_at_once(station: Station) -> None:
    start(station, HM600, interval=3600.0, simulator=("--inverter", HM300))
    inverter = reader(station, f"inverter-{HM600}")
    inverter.wait(0, WATCHDOG)
    # If the daemon read the settings only before each poll, it would do so in an hour.
    last = inverter.sequence
    change(station, "config", interval=0.1, rated_power=(100.0, 200.0, 300.0, 400.0))
    inverter.wait(last, WATCHDOG)
    now = inverter.read()
    assert now["string_irradiation"] == tuple(round(power, 3) for power in now["string_power"])
    change(station, "config", serial=padded(HM600, HM300))
    reader(station, f"inverter-{HM300}").wait(0, WATCHDOG)
    change(station, "config", serial=padded(HM300))
    wait_until(
        lambda: not inverter.writer_alive, "the board of an inverter that is no longer asked"
    )
    wait_until(
        lambda: newest(station, "daemon")["serial"] == (HM300, "", "", ""), "the board `daemon`"
    )


def test_without_a_configuration_it_waits_for_one(station: Station) -> None:
    station.start_simulator()
    start_daemon(station)
    daemon = reader(station, "daemon")
    daemon.wait(1, WATCHDOG)
    assert daemon.read()["state"] == "unconfigured"
    change(station, "config", serial=padded(HM600), interval=0.1)
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)


def test_what_cannot_be_is_told_and_the_rest_holds(station: Station) -> None:
    start(station, HM600, timezone="Mars/Olympus")
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    change(station, "config", serial=("999900000001", HM600, HM600, "12"))
    wait_until(lambda: newest(station, "daemon")["config"] == 3, "the third configuration")
    problem = newest(station, "daemon")["problem"]
    assert "(got 999900000001)" in problem
    log = station.log.read_text()
    assert "inverter 3: 114181807700 is also inverter 2" in log
    assert "inverter 4: serial number must have 12 digits (got '12')" in log
    assert "time zone 'Mars/Olympus' not found. UTC is used" in log
    inverter = reader(station, f"inverter-{HM600}")
    inverter.wait(inverter.sequence, WATCHDOG)


@pytest.mark.long
def test_at_night_the_last_reading_stays_and_grows_old(station: Station) -> None:
    start(station, HM600, speed=1800, hour=20.5, interval=180.0, silence=20_000.0)
    inverter = reader(station, f"inverter-{HM600}")
    # On a slow machine that may be the next morning.
    inverter.wait(0, WATCHDOG)
    wait_until(lambda: newest(station, "daemon")["state"] == "night", "night")
    status, dusk = newest(station, "daemon"), inverter.read()
    assert dusk.writer_alive
    assert status["sunset"] > status["sunrise"] > status["now"]
    polls = status["polls"]
    wait_until(lambda: inverter.read().age > dusk.age, "an age that grows")
    later = inverter.read()
    assert (later.sequence, dict(later)) == (dusk.sequence, dict(dusk))
    assert newest(station, "daemon")["polls"] == polls
    # It is one of the pause's, not the inverter's.
    assert all(event["kind"] != "silent" for event in reader(station, f"events-{HM600}").last(50))
    wait_until(lambda: newest(station, "daemon")["state"] == "working", "morning")
    inverter.wait(dusk.sequence, WATCHDOG)


def test_silence_is_an_event_and_the_limit_unknown_then(station: Station) -> None:
    start(station, HM600, interval=0.1, silence=1.0, night_pause=False)
    inverter, events = reader(station, f"inverter-{HM600}"), reader(station, f"events-{HM600}")
    inverter.wait(0, WATCHDOG)
    change(station, "faults", night=True)
    events.wait(0, WATCHDOG)
    wait_until(lambda: events.read()["kind"] == "silent", "the event")
    assert events.read()["value"] >= 1.0
    change(station, "faults", night=False)
    wait_until(lambda: events.read()["kind"] == "answers", "the end of silence")
    assert inverter.read()["limit"] is None
    change(station, "faults", restarts=1)
    wait_until(lambda: events.read()["kind"] == "silent", "the restart")


def test_limits_are_events(station: Station) -> None:
    start(station, HM600, temperature_high=-40.0, voltage_high=100.0)
    events = reader(station, f"events-{HM600}")
    wait_until(lambda: len(events.last(10)) >= 3, "the events")
    seen = [(event["kind"], event["level"], event["unit"]) for event in events.last(3)]
    assert seen == [
        ("answers", "info", ""),
        ("temperature-high", "warning", "degC"),
        ("voltage-high", "warning", "V"),
    ]
    change(station, "config", temperature_high=100.0, voltage_high=300.0)
    wait_until(lambda: len(events.last(10)) >= 5, "the limits are kept again")
    assert [event["kind"] for event in events.last(2)] == ["temperature-ok", "voltage-ok"]
    change(station, "config", voltage_low=290.0)
    wait_until(lambda: events.read()["kind"] == "voltage-low", "too little")


def test_the_port_may_vanish_and_come_back(station: Station) -> None:
    start(station, HM600)
    inverter = reader(station, f"inverter-{HM600}")
    inverter.wait(0, WATCHDOG)
    change(station, "faults", radio_unplugged=True)
    wait_until(
        lambda: newest(station, "daemon")["state"] == "no-port", "the daemon misses its port"
    )
    last = inverter.sequence
    change(station, "faults", radio_unplugged=False)
    inverter.wait(last, WATCHDOG)
    kill(station, "simulator")
    wait_until(lambda: newest(station, "daemon")["state"] == "no-port", "the modem is dead")
    last = inverter.sequence
    station.start_simulator()
    inverter.wait(last, WATCHDOG)


def test_the_log_is_begun_anew_and_may_be_read_by_the_group(station: Station) -> None:
    configure(station, serial=padded(HM600), interval=0.1)
    station.start_simulator()
    start_daemon(station, "--verbose", "--log-size", "600")
    older = station.log.with_name("station.log.5")
    wait_until(older.exists, "five older files")
    stop(station, "daemon")
    files = sorted(path.name for path in station.log.parent.glob("station.log*"))
    assert files == ["station.log", *(f"station.log.{number}" for number in range(1, 6))]
    for path in station.log.parent.glob("station.log*"):
        assert path.stat().st_size <= 600
        assert oct(path.stat().st_mode & 0o777) == "0o640"


def test_lines_of_the_log_have_the_stations_time(station: Station) -> None:
    start(station, HM600)
    wait_until(log_has(station, "working"), "work")
    lines = station.log.read_text().splitlines()
    assert all(line.startswith("2025-06-21 11:0") for line in lines), lines
    stop(station, "daemon")
    assert station.log.read_text().splitlines()[-1].endswith(" INFO stopped")


@pytest.mark.parametrize("is_running", [False, True])
def test_check_says_what_is_wrong(station: Station, is_running: bool) -> None:
    command = [*station.daemon_command(), "--check"]
    variables = {**environment(station.boards), "PYTHONPATH": str(station.site / "python")}
    done = run(command, variables)
    assert done.returncode == 1
    assert "board config: it does not exist" in done.stdout
    assert str(station.radio) in done.stdout
    configure(station, serial=padded("123"))
    station.start_simulator()
    done = run(command, variables)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "board config: inverter 1: serial number must have 12 digits (got '123')",
        "board config: it has no inverter. Enter one on the page Settings",
    ]
    change(station, "config", serial=padded(HM600))
    if is_running:
        start_daemon(station)
        reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    done = run(command, variables)
    assert (done.returncode, done.stdout) == (0, "no problem found\n")


def test_the_day_goes_on_after_a_restart_and_ends_at_midnight(station: Station) -> None:
    start(station, HM600, speed=300, hour=18, interval=30.0, night_pause=False)
    station.start_meter()
    reader(station, "meter").wait(0, WATCHDOG)
    wait_until(lambda: (newest(station, "daily")["import_today"] or 0) > 0, "the meter counts")
    kill(station, "daemon")
    before = newest(station, "daily")
    assert before["date"] == "2025-06-21"
    assert before["highest_power"] > 0
    assert sum(before["curve_samples"]) > 0
    start_daemon(station)
    daily = reader(station, "daily")
    daily.wait(before.sequence, WATCHDOG)
    after = daily.read()
    assert after["date"] == before["date"]
    assert after["import_before"] == before["import_before"]
    assert after["highest_power"] >= before["highest_power"]
    assert after["yield_today"] >= before["yield_today"]
    assert sum(after["curve_samples"]) >= sum(before["curve_samples"])
    kill(station, "daemon")
    station.clock = Clock.starting(MIDSUMMER + DAY - 30.0, 60)
    start_daemon(station)
    wait_until(lambda: daily.read()["date"] == "2025-06-22", "midnight")
    fresh = daily.read()
    assert sum(fresh["curve_samples"]) < sum(after["curve_samples"])
    assert fresh["import_before"] >= after["import_before"]
    assert fresh["now"] >= MIDSUMMER + DAY


def test_a_station_on_another_clock_says_so(station: Station) -> None:
    start(station, HM600, speed=600, hour=12, interval=60.0)
    wait_until(lambda: newest(station, "daemon")["state"] == "working", "work")
    assert newest(station, "daemon")["speed"] == 600
    assert Clock.of_environment() == Clock()
    with pytest.raises(pegel.Locked):
        pegel.Writer.open(station.boards / "daily", timeout=0)
