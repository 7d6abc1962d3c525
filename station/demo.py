"""The solar station on this machine: simulator, daemon, meter, controller, PHP-FPM and nginx.

The day is simulated, and always the same one in June, whatever the machine's date, hour and time
zone: when the pages open, its morning is over. With --replay, an inverter answers from a capture.
Everything is in a temporary directory. Ctrl-C stops everything and removes the directory.
"""

import argparse
import itertools
import json
import math
import shutil
import signal
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import boards
import pegel
import simulator
from clock import Clock
from daily import WATT_HOURS, Day, InverterSample, MeterSample
from executables import StartError
from temporary import Station, as_daemon, configure, installed, padded
from world import World

INVERTERS = ("114181807700", "116182100042")
ZONE = "Europe/Berlin"
MIDNIGHT = datetime(2025, 6, 21, tzinfo=ZoneInfo(ZONE))
"""When the simulated day begins. It is a fixed day, as the machine's own can be in winter."""
START = MIDNIGHT.replace(hour=13)
"""When the pages open: the curve has a morning, and the afternoon follows."""
POLL_TIME = 0.2
"""The minimum seconds of the machine between two rounds of polls, however fast the day passes."""
CHECK_INTERVAL = 0.5
"""Seconds between two checks that all processes run."""


def replay_interval(capture: Path, speed: float) -> float:
    """Seconds between two polls that replay a capture at this speed."""
    try:
        lines = capture.read_text(encoding="utf-8").splitlines()
        times = [float(json.loads(line)["t"]) for line in lines]
        # The median, as a capture can have gaps of a whole night.
        usual = statistics.median(later - earlier for earlier, later in itertools.pairwise(times))
    except (ValueError, KeyError, TypeError) as error:
        raise StartError(f"{capture}: not a capture of two polls or more: {error!r}") from error
    return min(max(usual / speed, 0.1), 3600.0)


def simulate_morning(station: Station) -> None:
    """Publishes the record of the day that the daemon would have if it had polled each minute."""
    place = simulator.LATITUDE, simulator.LONGITUDE
    world = World(simulator.SEED, INVERTERS, *place, MIDNIGHT.timestamp())
    day, record = Day(None), {}
    for moment in range(int(world.moment), int(station.clock.now()), 60):
        world.advance(moment)
        samples = []
        for inverter in world.inverters.values():
            if inverter.is_silent(moment):
                continue
            now = inverter.reading(moment)
            today, total = sum(now.strings.energy_daily), sum(now.strings.energy_total)
            sample = InverterSample(moment, True, now.ac_power, now.temperature, today, total)
            samples.append(sample)
        meter = MeterSample(world.grid, world.imported / WATT_HOURS, world.exported / WATT_HOURS)
        record = day.add(moment, ZoneInfo(ZONE), samples, meter)
    with as_daemon(station), boards.writer("daily", place=f"{station.boards}/") as board:
        board.publish(record)


def positive(text: str) -> float:
    """A positive number."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--replay", type=Path, help="capture to replay instead of a simulated day")
    options.add_argument("--speed", type=positive, default=60.0, help="how fast time passes (60)")
    options.add_argument("--port", type=int, help="port on 127.0.0.1 (a free one)")
    options.add_argument("--first-start", action="store_true", help="start without a configuration")
    given = options.parse_args()

    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: int | FrameType | None) -> None:
        for ending in endings:
            # A second Ctrl-C must not interrupt the cleanup.
            signal.signal(ending, signal.SIG_IGN)
        raise KeyboardInterrupt

    for ending in endings:
        signal.signal(ending, interrupt)
    try:
        with installed(given.port) as station:
            run(station, given)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left.")
        return 0
    except (StartError, pegel.Error, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
    return 1


def start_replay(station: Station, capture: Path, speed: float) -> str:
    """Starts the simulator with a capture, and returns a description."""
    copy = station.site / "capture.jsonl"
    shutil.copyfile(capture, copy)
    copy.chmod(0o644)
    interval = replay_interval(capture, speed)
    configure(station, interval=interval, serial=padded(INVERTERS[0]), timezone=ZONE)
    station.start_simulator("--replay", str(copy))
    return f"It replays {capture}, {speed:g} times as fast"


def start_day(station: Station, speed: float, is_configured: bool) -> str:
    """Starts the simulator with a simulated day, and returns a description."""
    station.clock = Clock.starting(START.timestamp(), speed)
    if is_configured:
        configure(
            station,
            interval=min(max(5.0, POLL_TIME * speed), 3600.0),
            serial=padded(*INVERTERS),
            name=padded("Garage", "House"),
            timezone=ZONE,
            latitude=simulator.LATITUDE,
            longitude=simulator.LONGITUDE,
        )
    inverters = [word for serial in INVERTERS for word in ("--inverter", serial)]
    since = str(MIDNIGHT.timestamp())
    station.start_simulator("--loss", "0.05", "--since", since, *inverters)
    if is_configured:
        simulate_morning(station)
    return f"Its day is simulated: {START:%Y-%m-%d, from %H:%M} on, {speed:g} times as fast"


def run(station: Station, given: argparse.Namespace) -> None:
    is_configured = not given.first_start or given.replay is not None
    if given.replay:
        description = start_replay(station, given.replay, given.speed)
    else:
        description = start_day(station, given.speed, is_configured)
    station.start_launcher(*(["--running"] if is_configured else []))
    station.start_meter()
    station.start_controller()
    station.start_pages()
    if is_configured:
        # The page must show readings when it is first opened.
        station.wait_for("launcher", station.has_polled)
    print(
        f"""
  The solar station runs. {description}.

  simulator   inverters on {station.radio}, a smart meter on {station.meter}
  launcher    starts and stops the daemon when a page requests it; log: {station.log}
  meter       pegel serial: publishes the meter's lines on board `meter`
  controller  keeps the export near the target; switch it on on the page Control
  php-fpm, nginx

  boards      export PEGEL_DIR={station.boards}; pegel ls
  faults      pegel set faults loss=0.3 (or noise=0.2, radio_unplugged=true, meter_silent=true,
              night=true, restarts=1)

  Ctrl-C stops everything. The page is at

{station.address}""",
        flush=True,
    )
    while True:
        for name, process in station.processes.items():
            if process.poll() is not None:
                log = (station.directory / f"{name}.log").read_text(errors="replace")
                raise StartError(f"{name} exited:\n{log}")
        time.sleep(CHECK_INTERVAL)


if __name__ == "__main__":
    sys.exit(main())
