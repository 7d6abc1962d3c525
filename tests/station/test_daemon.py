"""The daemon and its launcher: what they do with answers, silence, settings and death."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

import pegel
from demo import Station
from programs import environment, php
from stations import WATCHDOG, kill, log_has, reader, set_config, until


def start_daemon(station: Station) -> None:
    station.start("station", station.daemon_command(), as_daemon=True)


def test_real_polls_reach_php_exactly(
    station: Station, polls: list[dict[str, Any]], capture: Path
) -> None:
    command = [*php("tests/station/readings.php"), str(len(polls))]
    with subprocess.Popen(
        command, env=environment(station.boards), stdout=subprocess.PIPE, text=True
    ) as page:
        copy = station.site / "capture.jsonl"
        copy.write_bytes(capture.read_bytes())
        station.start_simulator("--replay", str(copy))
        start_daemon(station)
        reader(station, "config")
        set_config(station, interval=0.1)
        output, _ = page.communicate(timeout=2 * WATCHDOG)
    assert page.returncode == 0
    readings = [json.loads(line) for line in output.splitlines()]
    assert len(readings) == len(polls)
    for now, poll in zip(readings, polls, strict=True):
        decoded = poll["decoded"]
        [phase] = decoded["phases"]
        strings = decoded["strings"]
        expected = {
            "serial": "81807700",
            "measured": now["measured"],
            **{f"string_{key}": [string[key] for string in strings] for key in strings[0]},
            **{f"ac_{key}": value for key, value in phase.items()},
            **{key: decoded[key] for key in decoded if key not in ("phases", "strings")},
        }
        assert now == expected


def test_lost_and_repeated_frames_are_made_good(station: Station) -> None:
    station.start_simulator("--loss", "0.3")
    start_daemon(station)
    inverter = reader(station, "inverter")
    set_config(station, interval=0.1)
    for _ in range(10):
        inverter.wait(inverter.sequence, WATCHDOG)
        now = inverter.read()
        assert now["yield_total"] == sum(now["string_energy_total"])
        assert now["ac_power"] > 0


def test_settings_are_obeyed_at_once(station: Station) -> None:
    station.start_simulator()
    start_daemon(station)
    inverter = reader(station, "inverter")
    inverter.wait(0, WATCHDOG)
    set_config(station, interval=3600.0)
    until(log_has(station, "'interval': 3600.0"), "the daemon knows the settings")
    newest = inverter.sequence
    # Whoever looked at the settings only before each poll would look again in an hour.
    set_config(station, interval=0.1, rated_power=(100.0, 200.0))
    inverter.wait(newest, WATCHDOG)
    inverter.wait(inverter.sequence, WATCHDOG)
    now = inverter.read()
    assert now["string_irradiation"] == tuple(
        round(100 * power / rated, 3)
        for power, rated in zip(now["string_power"], (100.0, 200.0), strict=True)
    )


def test_at_night_the_last_reading_stays_and_grows_old(station: Station) -> None:
    station.start_simulator("--start", "19:30", "--speed", "600")
    start_daemon(station)
    inverter = reader(station, "inverter")
    set_config(station, interval=0.1)
    until(log_has(station, "does not answer"), "night")
    dusk = inverter.read()
    assert dusk.writer_alive
    until(lambda: inverter.read().age > dusk.age, "an age that grows")
    later = inverter.read()
    assert (later.sequence, dict(later)) == (dusk.sequence, dict(dusk))


def test_a_night_without_any_reading_leaves_the_board_empty(station: Station) -> None:
    station.start_simulator("--start", "01:00")
    start_daemon(station)
    until(log_has(station, "does not answer"), "a poll without an answer")
    with pytest.raises(pegel.Empty):
        reader(station, "inverter").read()


def test_the_port_may_vanish_and_come_back(station: Station) -> None:
    start_daemon(station)
    until(log_has(station, "WARNING"), "the daemon misses its port")
    station.start_simulator()
    inverter = reader(station, "inverter")
    inverter.wait(0, WATCHDOG)
    set_config(station, interval=0.1)
    kill(station, "simulator")
    until(log_has(station, f"{station.line}: "), "the daemon loses its port")
    newest = inverter.sequence
    station.start_simulator()
    inverter.wait(newest, WATCHDOG)


def test_the_launcher_fulfils_wishes(station: Station) -> None:
    station.start_simulator()
    station.start_launcher()
    service = reader(station, "service")
    service.wait(0, WATCHDOG)
    assert service.read()["running"] is False

    def want(running: bool) -> None:
        with pegel.Writer.open(station.boards / "service", timeout=WATCHDOG) as writer:
            writer.publish(running=running)

    want(True)
    inverter = reader(station, "inverter")
    inverter.wait(0, WATCHDOG)
    assert inverter.writer_alive
    want(False)
    until(lambda: not inverter.writer_alive, "the daemon stops")
    assert log_has(station, "stopped")()
    newest = inverter.read()
    want(True)
    inverter.wait(newest.sequence, WATCHDOG)
    assert inverter.read().generation == newest.generation + 1


def test_a_daemon_that_died_is_started_again(station: Station) -> None:
    station.start_simulator()
    station.start_launcher("--running")
    inverter = reader(station, "inverter")
    newest = inverter.wait(0, WATCHDOG)
    os.kill(child_of(station.processes["launcher"].pid), signal.SIGKILL)
    inverter.wait(newest, WATCHDOG)
    assert inverter.read().generation == 2
    station.processes["launcher"].terminate()
    station.processes["launcher"].wait(WATCHDOG)
    assert not inverter.writer_alive


def child_of(process: int) -> int:
    [child] = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)
