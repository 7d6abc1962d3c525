"""The launcher: fulfils wishes, restarts what exited, and reports why."""

import os
import signal
from pathlib import Path

import pegel
from helpers.programs import WATCHDOG, wait_until
from helpers.station import HM600, change, newest, reader, start, stop
from temporary import Station


def child_of(process: int) -> int:
    [child] = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


def test_it_fulfils_wishes(station: Station) -> None:
    station.start_simulator()
    station.start_launcher()
    service = reader(station, "service")
    service.wait(0, WATCHDOG)
    assert service.read()["running"] is False
    assert newest(station, "launcher")["state"] == "stopped"
    change(station, "service", running=True)
    daemon = reader(station, "daemon")
    wait_until(lambda: daemon.writer_alive, "the daemon starts")
    wait_until(lambda: newest(station, "launcher")["state"] == "running", "the launcher reports")
    change(station, "service", running=False)
    wait_until(lambda: not daemon.writer_alive, "the daemon stops")
    wait_until(lambda: newest(station, "launcher")["exit_status"] == 0, "its end")
    status = newest(station, "launcher")
    assert (status["state"], status["starts"]) == ("stopped", 1)
    assert status["exit_reason"] == "exited with status 0"
    assert status["exited"] >= status["started"]


def test_a_daemon_that_died_is_started_again(station: Station) -> None:
    start(station, HM600, launcher=True)
    inverter = reader(station, f"inverter-{HM600}")
    last = inverter.wait(0, WATCHDOG)
    os.kill(child_of(station.processes["launcher"].pid), signal.SIGKILL)
    inverter.wait(last, WATCHDOG)
    assert inverter.read().generation == 2
    status = newest(station, "launcher")
    assert (status["exit_status"], status["exit_reason"]) == (-9, "killed by SIGKILL")
    assert status["starts"] == 2
    stop(station, "launcher")
    assert not inverter.writer_alive


def test_one_that_fails_tells_why_and_is_tried_again(station: Station) -> None:
    with pegel.Writer(station.boards / "answers", value=pegel.f64()):
        station.start_launcher("--running")
        wait_until(lambda: newest(station, "launcher")["starts"] >= 2, "a second try")
        status = newest(station, "launcher")
        assert status["state"] in ("failing", "running")
        assert status["exit_status"] == 1
        assert status["exit_reason"].startswith("station: ")
        assert "pegel.answers" in status["exit_reason"]
    change(station, "service", running=False)
    wait_until(
        lambda: newest(station, "launcher")["state"] == "stopped", "nobody wants it any more"
    )
