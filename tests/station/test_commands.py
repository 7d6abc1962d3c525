"""Commands to the inverters: accepted, confirmed or refused, each once and in order."""

import json
import random
import signal
import time
from typing import Any

import pytest

import pegel
from helpers.programs import WATCHDOG, wait_until
from helpers.station import (
    HM600,
    HM1200,
    LOSSY,
    answer,
    ask,
    change,
    newest,
    paused,
    reader,
    start,
    start_daemon,
    stop,
)
from temporary import Station


def truth(station: Station) -> list[dict[str, Any]]:
    """The controls that inverters understood."""
    lines = (station.log.parent / "truth").read_text().splitlines()
    return [said for said in map(json.loads, lines) if said["kind"] == "control"]


def begin(station: Station, answer_time: float) -> None:
    """Starts a station with two inverters, whose daemon does commands."""
    simulator = ("--truth", str(station.log.parent / "truth"))
    # So that an inverter comes to its limit within a second.
    start(
        station,
        HM600,
        HM1200,
        speed=60,
        interval=6.0,
        answer_time=answer_time,
        simulator=simulator,
    )
    reader(station, f"inverter-{HM1200}").wait(0, WATCHDOG)


@pytest.fixture
def ready(station: Station) -> Station:
    """One whose inverters answer, however long that takes: nothing is asked twice."""
    begin(station, answer_time=WATCHDOG)
    return station


@pytest.fixture
def faulty(station: Station) -> Station:
    """One whose inverters do not always answer."""
    begin(station, answer_time=LOSSY)
    return station


def test_a_limit_is_accepted_confirmed_and_seen(ready: Station) -> None:
    command = ask(ready, HM1200, "limit", limit=300.0)
    assert answer(ready, command)["stage"] == "confirmed"
    stages = [
        now["stage"] for now in reader(ready, "answers").last(10) if now["command"] == command
    ]
    assert stages == ["accepted", "confirmed"]
    wait_until(lambda: newest(ready, f"inverter-{HM1200}")["limit"] == 300.0, "the limit")
    wait_until(lambda: newest(ready, f"inverter-{HM1200}")["ac_power"] <= 300.5, "less power")
    assert newest(ready, f"inverter-{HM600}")["limit"] is None
    percent = ask(ready, HM600, "limit", limit=50.0, relative=True)
    assert answer(ready, percent)["stage"] == "confirmed"
    wait_until(lambda: newest(ready, f"inverter-{HM600}")["limit"] == 300.0, "half of 600 W")


def test_off_on_and_restart(ready: Station) -> None:
    inverter = reader(ready, f"inverter-{HM600}")
    assert answer(ready, ask(ready, HM600, "limit", limit=100.0))["stage"] == "confirmed"
    assert answer(ready, ask(ready, HM600, "off"))["stage"] == "confirmed"
    wait_until(lambda: inverter.read()["ac_power"] == 0.0, "off")
    assert answer(ready, ask(ready, HM600, "on"))["stage"] == "confirmed"
    wait_until(lambda: inverter.read()["ac_power"] > 0.0, "on")
    assert answer(ready, ask(ready, HM600, "restart"))["stage"] == "confirmed"
    events = reader(ready, f"events-{HM600}")
    kinds = ["command-confirmed", "command-confirmed", "command-confirmed"]
    wait_until(lambda: [event["kind"] for event in events.last(3)] == kinds, "the events")
    assert [said["action"] for said in truth(ready)] == ["limit", "off", "on", "restart"]


@pytest.mark.parametrize(
    ("inverter", "action", "values", "reason"),
    [
        ("114100000001", "on", {}, "unknown-inverter"),
        (HM600, "explode", {}, "unknown-action"),
        (HM600, "limit", {"limit": 600.1}, "out-of-range"),
        (HM600, "limit", {"limit": -1.0}, "out-of-range"),
        (HM600, "limit", {"limit": 101.0, "relative": True}, "out-of-range"),
        (HM600, "limit", {"limit": float("nan")}, "out-of-range"),
    ],
)
def test_what_cannot_be_is_refused(
    ready: Station, inverter: str, action: str, values: dict[str, Any], reason: str
) -> None:
    refused = answer(ready, ask(ready, inverter, action, **values))
    assert (refused["stage"], refused["reason"]) == ("refused", reason)
    assert refused["message"]
    assert truth(ready) == []


def test_silence_a_missing_port_and_the_night_are_reasons(faulty: Station) -> None:
    change(faulty, "faults", night=True)
    silent = answer(faulty, ask(faulty, HM600, "on"))
    assert (silent["stage"], silent["reason"]) == ("refused", "silent")
    change(faulty, "faults", night=False, radio_unplugged=True)
    wait_until(lambda: newest(faulty, "daemon")["state"] == "no-port", "no port")
    assert answer(faulty, ask(faulty, HM600, "on"))["reason"] == "no-port"
    # Where the sun is not up at eleven.
    change(faulty, "config", latitude=-45.0, longitude=170.0)
    wait_until(lambda: newest(faulty, "daemon")["state"] == "night", "night")
    assert answer(faulty, ask(faulty, HM600, "on"))["reason"] == "night"


def test_lost_frames_do_not_lose_or_double_a_restart(faulty: Station) -> None:
    change(faulty, "faults", loss=0.4)
    outcomes = []
    for _ in range(10):
        outcomes.append(answer(faulty, ask(faulty, HM600, "restart"))["stage"])
    restarts = [said for said in truth(faulty) if said["action"] == "restart"]
    # Each was said once: heard and confirmed, heard and its answer lost, or not heard.
    assert outcomes.count("confirmed") <= len(restarts) <= 10
    assert set(outcomes) <= {"confirmed", "refused"}


def test_a_killed_daemon_loses_doubles_and_reorders_nothing(ready: Station) -> None:
    chance = random.Random(8)
    sent: list[tuple[int, float]] = []
    for round_ in range(12):
        for _ in range(5):
            limit = float(len(sent) + 20)
            sent.append((ask(ready, HM1200, "limit", limit=limit), limit))
        if round_ % 3 == 2:
            answer(ready, sent[-1][0])
            continue
        # In the midst of it.
        time.sleep(chance.uniform(0, 0.05))
        ready.processes["daemon"].send_signal(signal.SIGKILL)
        ready.processes.pop("daemon").wait()
        start_daemon(ready)
        answer(ready, sent[-1][0])
    stages: dict[int, list[str]] = {}
    for now in reader(ready, "answers").last(128):
        stages.setdefault(now["command"], []).append(now["stage"])
    interrupted = []
    for number, _ in sent:
        if stages[number] == ["accepted", "refused"]:
            interrupted.append(number)
        else:
            assert stages[number] == ["accepted", "confirmed"], number
    done = [said["limit"] for said in truth(ready)]
    assert done == sorted(done)
    for number, limit in sent:
        # What was interrupted may have been done, and not more than that.
        assert done.count(limit) in ((0, 1) if number in interrupted else (1,)), number


def test_a_command_that_waited_too_long_is_not_done(ready: Station) -> None:
    stop(ready, "daemon")
    old = ask(ready, HM600, "off")
    start_daemon(ready, "--max-age", "0")
    assert answer(ready, old)["reason"] == "too-late"
    assert truth(ready) == []


def test_commands_that_nobody_does_fill_the_board_and_no_more(ready: Station) -> None:
    with paused(ready, "daemon"):
        # The board has 64 slots, of which the one behind the newest is the writer's.
        last = [ask(ready, HM600, "on") for _ in range(62)][-1]
        with pytest.raises(pegel.Full):  # noqa: PT012 - one of the three is the first too many
            for _ in range(3):
                ask(ready, HM600, "on")
        assert len(truth(ready)) == 0
    assert answer(ready, last)["stage"] == "confirmed"
    assert all(said["accepted"] for said in truth(ready))
