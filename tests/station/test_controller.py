"""Zero feed-in: a whole day in a closed loop, and what happens when somebody falls silent."""

import json
from typing import Any

import numpy
import pytest

import pegel
from helpers.programs import WATCHDOG, wait_until
from helpers.station import HM600, HM1200, answer, ask, change, kill, newest, reader, start, stop
from temporary import Station, installed

TARGET = 50.0


def closed(station: Station, **options: Any) -> None:
    """All that the loop consists of."""
    truth = str(station.log.parent / "truth")
    start(station, HM600, HM1200, simulator=("--truth", truth), **options)
    station.start_meter()
    station.start_controller()


def truth(station: Station, kind: str) -> list[dict[str, Any]]:
    lines = (station.log.parent / "truth").read_text().splitlines()
    return [said for said in map(json.loads, lines) if said["kind"] == kind]


@pytest.mark.long
def test_a_day_in_a_closed_loop(record_property: Any) -> None:
    # The faster a day goes by, the more of it a slow machine needs for a poll.
    for speed in (1440, 480, 160):
        with installed() as station:
            before, after = day(station, speed)
        print(f"off the ideal by {before:.0f} W without the controller, {after:.0f} W with it")
        if after < before / 3:
            break
    record_property("watts off the ideal, without the controller", round(before))
    record_property("watts off the ideal, with it", round(after))
    assert before > 200
    # The simulated minutes that a poll takes at this speed are most of what is left.
    assert after < before / 3


def day(station: Station, speed: float) -> tuple[float, float]:
    """How many watts the inverters are off the ideal, without the controller and with it."""
    change(station, "control", mode="automatic", target=TARGET)
    closed(station, speed=speed, hour=3.5, interval=speed / 20)
    commands = reader(station, "commands")
    seen: list[pegel.Snapshot] = []
    follower = commands.follow(after=1, every=True)
    daily = reader(station, "daily")

    def is_over() -> bool:
        while (now := follower.poll()) is not None:
            seen.append(now)
        return bool(daily.read()["now"] >= began + 20 * 3600)

    daily.wait(0, WATCHDOG)
    began = daily.read()["now"]
    wait_until(is_over, "the end of the day")
    stop(station, "controller")
    is_over()
    answer(station, seen[-1].sequence)
    steps = truth(station, "power")
    available, house, power = (
        numpy.array([step[name] for step in steps]) for name in ("available", "house", "power")
    )
    ideal = numpy.minimum(available, house + TARGET)
    # The first hours are those before it had anything to do.
    before = float(numpy.mean(available - ideal))
    after = float(numpy.mean(numpy.abs(power - ideal)))

    # No command is missing, doubled or out of order, on the board and at the inverters.
    assert all(now.missed == 0 for now in seen)
    numbers = [now.sequence for now in seen]
    assert numbers == list(range(2, len(seen) + 2))
    assert len(seen) > 20
    done = [(said["inverter"], said["limit"]) for said in truth(station, "control")]
    repeated = [one for one, next_ in zip(done, [*done[1:], None], strict=True) if one != next_]
    sent = [(now["inverter"], now["limit"]) for now in seen]
    assert {now["sender"] for now in seen} == {"controller"}
    at = 0
    for one in repeated:
        # Those that no inverter heard are left out; nothing else, and never backwards.
        at = sent.index(one, at) + 1
    return before, after


def test_manual_paused_and_automatic(station: Station) -> None:
    # An inverter takes 20 s to settle, and before that nobody knows what the house uses. With as
    # fast a clock, a slow machine makes long silences.
    patience = {"meter_timeout": 3600.0, "inverter_timeout": 3600.0}
    change(station, "control", mode="manual", manual_limit=600.0, **patience)
    closed(station, speed=20, interval=2.0, silence=3600.0)
    wait_until(lambda: newest(station, f"inverter-{HM1200}")["limit"] == 400.0, "its share")
    wait_until(lambda: newest(station, f"inverter-{HM600}")["limit"] == 200.0, "its share")
    wait_until(lambda: newest(station, "controller")["limit"] == 600.0, "the sum")
    assert newest(station, "controller")["state"] == "manual"
    change(station, "control", mode="paused")
    wait_until(lambda: newest(station, "controller")["state"] == "paused", "the pause")
    sent = newest(station, "controller")["commands"]
    assert sent == 2
    change(station, "control", mode="automatic", target=0.0)
    wait_until(lambda: newest(station, "controller")["state"] == "automatic", "control")
    wait_until(lambda: newest(station, "controller")["commands"] > sent, "a command")
    wait_until(lambda: newest(station, "controller")["house"], "what the house uses")


def test_a_silent_meter_means_the_fallback_limit(station: Station) -> None:
    change(station, "control", mode="automatic", fallback_limit=90.0, meter_timeout=1.0)
    closed(station)
    wait_until(lambda: newest(station, "controller")["state"] == "automatic", "control")
    change(station, "faults", meter_silent=True)
    wait_until(lambda: newest(station, "controller")["state"] == "meter-silent", "silence")
    wait_until(lambda: newest(station, "controller")["limit"] == 90.0, "the fallback limit")
    assert newest(station, "controller")["message"]
    change(station, "faults", meter_silent=False)
    wait_until(lambda: newest(station, "controller")["state"] == "automatic", "control again")


def test_silent_inverters_and_a_dead_daemon_are_told(station: Station) -> None:
    change(station, "control", mode="manual", manual_limit=300.0, inverter_timeout=1.0)
    closed(station)
    wait_until(lambda: newest(station, "controller")["limit"] == 300.0, "the limit")
    change(station, "faults", night=True)
    wait_until(lambda: newest(station, "controller")["state"] == "inverter-silent", "silence")
    change(station, "faults", night=False)
    wait_until(lambda: newest(station, "controller")["state"] == "manual", "answers")
    kill(station, "daemon")
    wait_until(lambda: newest(station, "controller")["state"] == "no-daemon", "the daemon is dead")


def test_limits_that_an_inverter_forgot_are_sent_again(station: Station) -> None:
    change(station, "control", mode="manual", manual_limit=300.0)
    closed(station, silence=1.0)
    wait_until(lambda: newest(station, "controller")["limit"] == 300.0, "the limit")
    sent = newest(station, "controller")["commands"]
    # A page lets one of them make more, and the controller sees to it.
    assert answer(station, ask(station, HM600, "limit", limit=600.0))["stage"] == "confirmed"
    wait_until(lambda: newest(station, "controller")["commands"] > sent, "its limit again")
    wait_until(lambda: newest(station, f"inverter-{HM600}")["limit"] == 100.0, "the limit holds")


def test_a_killed_controller_goes_on_and_doubles_nothing(station: Station) -> None:
    change(station, "control", mode="manual", manual_limit=300.0)
    closed(station)
    wait_until(lambda: newest(station, "controller")["limit"] == 300.0, "the limit")
    commands = reader(station, "commands").sequence
    for _ in range(5):
        kill(station, "controller")
        assert not reader(station, "controller").writer_alive
        before = reader(station, "controller").sequence
        station.start_controller()
        reader(station, "controller").wait(before, WATCHDOG)
        wait_until(lambda: newest(station, "controller")["limit"] == 300.0, "it knows the limits")
    assert reader(station, "commands").sequence == commands
    with pytest.raises(pegel.Locked):
        pegel.Writer.open(station.boards / "controller", timeout=0)
