"""The solar station on this machine: simulator, daemon, meter, controller, php-fpm and nginx.

The day is simulated, and always the same one of June, whatever the machine's date, hour and time
zone: its morning is over when the pages open. With --replay, an inverter answers from a capture.

Everything is private: a directory of its own below /tmp, a port on 127.0.0.1. Started by root, the
daemon runs as user `daemon` and the pages as www-data, as they would on a real station; else all
run as whoever started it. Ctrl-C stops everything and leaves nothing.
"""

import argparse
import contextlib
import grp
import importlib.util
import itertools
import json
import math
import os
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import boards
import pegel
import simulator
from clock import VARIABLE, Clock
from today import WATT_HOURS, Day, Metered, Produced
from world import World

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGES = ("pegel", "serial", "crccheck", "astral")
PROGRAM = ROOT / "target/release/pegel"
INVERTERS = ("114181807700", "116182100042")
ZONE = "Europe/Berlin"
MIDNIGHT = datetime(2025, 6, 21, tzinfo=ZoneInfo(ZONE))
"""When the simulated day begins. Not the machine's own day: that may be one in winter."""
START = MIDNIGHT.replace(hour=13)
"""When the pages open: a morning is there to be seen, and an afternoon to come."""
ANSWER_TIME = 0.1
"""Seconds that a simulated inverter has to answer: it is nearer than a real one."""
POLL_TIME = 0.2
"""Seconds between two rounds of polls, however fast the day goes by."""
DAEMON, PAGES = "daemon", "www-data"
PATH = f"{os.environ['PATH']}:/usr/sbin"
DURABLE_DIR = "PEGEL_DURABLE_DIR"
START_TIME = 300.0
"""Seconds until a process that neither runs nor ends is given up: for hangs alone."""
LISTENERS = 12
"""How many pages may listen to events; the pool has some more workers."""
STOP_TIME = 15.0


class DemoError(Exception):
    """What keeps the demo from running, for people."""


def program(*names: str) -> str:
    """The first of these programs that there is."""
    for name in names:
        if found := shutil.which(name, path=PATH):
            return found
    raise DemoError(f"there is no {' or '.join(names)}: `make demo` installs what is missing")


def php_fpm() -> str:
    """On Debian its name has a version: that of `php`, or else the newest."""
    ask = [program("php"), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"]
    version = subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout
    # Path.glob raises at a directory that this user may not enter.
    directories = [Path(at) for at in PATH.split(":") if os.access(at, os.R_OK | os.X_OK)]
    others = {path.name for directory in directories for path in directory.glob("php-fpm[0-9]*")}
    newest = sorted(others, key=lambda name: [*map(int, re.findall(r"\d+", name))], reverse=True)
    return program("php-fpm", f"php-fpm{version}", *newest)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def filled_in(text: str, marks: dict[str, object]) -> str:
    """A file of web/ with what its marks stand for: @site@ and such; @@ is an @."""
    for mark, value in marks.items():
        text = text.replace(f"@{mark}@", str(value))
    return text


class Station:
    """A station that is installed in a directory of its own, and its processes."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.site, self.boards = directory / "site", directory / "boards"
        self.durable = directory / "durable"
        self.log = directory / "daemon" / "station.log"
        self.radio, self.meter = directory / "daemon" / "radio", directory / "daemon" / "meter"
        self.sessions, self.password = directory / "sessions", directory / "password"
        self.clock, self.answer_time = Clock(), ANSWER_TIME
        self.is_root = os.geteuid() == 0
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def install(self) -> None:
        """Copies what runs to where the station's users can read it, wherever the repository is."""
        if self.is_root:
            shutil.chown(self.directory, "root", PAGES)
        # Other users must not reach the sockets of php-fpm.
        self.directory.chmod(0o750)
        leave_out = shutil.ignore_patterns("__pycache__", "tests", "vendor")
        for source, name in ((HERE, "station"), (ROOT / "php-ffi", "php-ffi")):
            shutil.copytree(source, self.site / name, ignore=leave_out)
        library = ROOT / "target/release/libpegel.so"
        if not library.exists():
            raise DemoError(f"{library} is missing: run `make build` first")
        shutil.copy(library, self.site / "libpegel.so.1")
        shutil.copy(PROGRAM, self.site / "pegel")
        shutil.copy(ROOT / "examples/serial/meter.toml", self.site)
        for package in PACKAGES:
            found = importlib.util.find_spec(package)
            if found is None or found.origin is None:
                raise DemoError(f"Python has no {package}: run `make build` first")
            source = Path(found.origin).parent
            shutil.copytree(source, self.site / "python" / package, ignore=leave_out)
        for path in (self.site, *self.site.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.name == "pegel" else 0o644)
        # Daemon and pages share the boards: they are the group's, and nobody takes away those of
        # others. What else the daemon makes, its log and the ports, the pages may read.
        for path, owner, mode in (
            # Root's, as root writes into no directory of another user.
            (self.boards, "root", 0o3770),
            (self.durable, DAEMON, 0o2770),
            (self.log.parent, DAEMON, 0o2750),
            (self.sessions, PAGES, 0o700),
        ):
            path.mkdir()
            if self.is_root:
                shutil.chown(path, owner, PAGES)
                path.chmod(mode)
        marks = {
            "user": f"user {PAGES};" if self.is_root else "",
            "socket_owner": f"listen.owner = {PAGES}" if self.is_root else "",
            "directory": self.directory,
            "site": self.site,
            "port": self.port,
            "pages_socket": self.directory / "pages.sock",
            "events_socket": self.directory / "events.sock",
            "listeners": LISTENERS,
            "boards": self.boards,
            "durable": self.durable,
            "library": self.site / "libpegel.so.1",
            "package": self.site / "php-ffi",
            "sessions": self.sessions,
            "log": self.log,
            "password": self.password,
            "": "@",
        }
        for name in ("nginx.conf", "zones.conf", "site.conf"):
            self._fill_in(name, marks)
        pools = {**marks, "user": f"user = {PAGES}\ngroup = {PAGES}" if self.is_root else ""}
        pool = filled_in((HERE / "web/pool.conf").read_text(encoding="utf-8"), pools)
        self._fill_in("php-fpm.conf", {**pools, "pool": pool})

    def _fill_in(self, name: str, marks: dict[str, object]) -> None:
        text = (HERE / "web" / name).read_text(encoding="utf-8")
        (self.directory / name).write_text(filled_in(text, marks), encoding="utf-8")

    def daemon_command(self) -> list[str]:
        places = ("--port", str(self.radio), "--log", str(self.log))
        return self.python("station.py", *places, "--answer-time", str(self.answer_time))

    def python(self, script: str, *arguments: str) -> list[str]:
        return ["/usr/bin/python3", "-B", str(self.site / "station" / script), *arguments]

    def start(self, name: str, command: list[str], *, as_daemon: bool = False) -> None:
        """Starts a process in a group of its own, so that Ctrl-C reaches the demo alone."""
        environment = os.environ | {
            "PEGEL_DIR": str(self.boards),
            DURABLE_DIR: str(self.durable),
            "PEGEL_LIBRARY": str(self.site / "libpegel.so.1"),
            "PYTHONPATH": str(self.site / "python"),
            VARIABLE: str(self.clock),
        }
        user: dict[str, Any] = {}
        if as_daemon and self.is_root:
            user = {"user": DAEMON, "group": PAGES, "extra_groups": [], "umask": 0o027}
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **user,
            )

    def start_simulator(self, *arguments: str) -> None:
        links = ("--radio", str(self.radio), "--meter", str(self.meter))
        self.start("simulator", self.python("simulator.py", *links, *arguments), as_daemon=True)
        self.wait_for("simulator", self.meter.is_symlink)

    def start_meter(self) -> None:
        """The bridge from the meter's serial port to board `meter`."""
        command = [str(self.site / "pegel"), "serial", "--map", str(self.site / "meter.toml")]
        self.start("meter", [*command, "--port", str(self.meter)], as_daemon=True)

    def start_controller(self) -> None:
        self.start("controller", self.python("controller.py"), as_daemon=True)

    def start_launcher(self, *arguments: str) -> None:
        command = self.python("launcher.py", *arguments, "--", *self.daemon_command())
        self.start("launcher", command, as_daemon=True)

    def start_pages(self) -> None:
        header = self.directory / "pegel-preload.h"
        maker = [program("php"), str(self.site / "php-ffi/bin/pegel-preload")]
        with header.open("wb") as file:
            subprocess.run([*maker, str(self.site / "libpegel.so.1")], stdout=file, check=True)
        fpm = [php_fpm(), "-y", str(self.directory / "php-fpm.conf")]
        self.start("php-fpm", [*fpm, "-d", f"ffi.preload={header}"])
        nginx = [program("nginx"), "-p", str(self.directory), "-e", "stderr", "-c"]
        self.start("nginx", [*nginx, str(self.directory / "nginx.conf")])
        self.wait_for("php-fpm", (self.directory / "pages.sock").exists)
        self.wait_for("php-fpm", (self.directory / "events.sock").exists)
        self.wait_for("nginx", self._is_listening)

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Until a process is ready, which only trying can tell."""
        end = time.monotonic() + START_TIME
        while not is_ready():
            if self.processes[name].poll() is not None or time.monotonic() > end:
                log = (self.directory / f"{name}.log").read_text(errors="replace")
                raise DemoError(f"{name} does not start:\n{log}")
            time.sleep(0.02)

    def has_polled(self) -> bool:
        """Whether the daemon has told of its first round."""
        try:
            return not pegel.Reader(self.boards / "daemon").read().is_default
        except pegel.NotFound:
            return False

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            # php-fpm and nginx end at once; the launcher stops its daemon first.
            process.terminate()
        for process in reversed(self.processes.values()):
            try:
                process.wait(STOP_TIME)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def installed(port: int | None = None) -> Iterator[Station]:
    """A station that is installed, not started, and that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pegel-station-", dir="/tmp") as directory:
        station = Station(Path(directory), port or free_port())
        station.install()
        try:
            yield station
        finally:
            station.stop()


def places(*texts: str) -> list[str]:
    """Texts in the places that a configuration has for inverters."""
    return [*texts, *[""] * (boards.INVERTERS - len(texts))]


def replay_interval(capture: Path, speed: float) -> float:
    """Seconds between two polls, so that a capture goes by at this speed."""
    try:
        lines = capture.read_text(encoding="utf-8").splitlines()
        times = [float(json.loads(line)["t"]) for line in lines]
        # The median: a capture's nights and failures are not to be sat through.
        usual = statistics.median(later - former for former, later in itertools.pairwise(times))
    except (ValueError, KeyError, TypeError) as error:
        raise DemoError(f"{capture} is not a capture of two polls or more: {error!r}") from error
    return min(max(usual / speed, 0.1), 3600.0)


def configure(station: Station, **values: Any) -> None:
    """The first configuration; who changes it later are the pages."""
    with as_daemon(station), boards.writer("config", place=f"{station.boards}/") as config:
        config.update(**values)


def live_through_morning(station: Station) -> None:
    """Publishes what the daemon would have told of the day, had it asked each minute of it."""
    place = simulator.LATITUDE, simulator.LONGITUDE
    world = World(simulator.SEED, INVERTERS, *place, MIDNIGHT.timestamp())
    day, record = Day(None), {}
    for moment in range(int(world.moment), int(station.clock.now()), 60):
        world.advance(moment)
        produced = []
        for inverter in world.inverters.values():
            if inverter.is_silent(moment):
                continue
            now = inverter.reading(moment)
            today, total = sum(now.strings.energy_daily), sum(now.strings.energy_total)
            produced.append(Produced(moment, True, now.ac_power, now.temperature, today, total))
        meter = Metered(world.grid, world.imported / WATT_HOURS, world.exported / WATT_HOURS)
        record = day.add(moment, ZoneInfo(ZONE), produced, meter)
    with as_daemon(station), boards.writer("today", place=f"{station.boards}/") as board:
        board.publish(record)


@contextlib.contextmanager
def as_daemon(station: Station) -> Iterator[None]:
    """Makes files as the daemon's user would, and where."""
    before = os.environ.get(DURABLE_DIR, "")
    os.environ[DURABLE_DIR] = str(station.durable)
    if station.is_root:
        os.setegid(grp.getgrnam(PAGES).gr_gid)
        os.seteuid(pwd.getpwnam(DAEMON).pw_uid)
    try:
        yield
    finally:
        if station.is_root:
            os.seteuid(0)
            os.setegid(0)
        os.environ[DURABLE_DIR] = before


def positive(text: str) -> float:
    """A speed."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--replay", type=Path, help="capture to replay, instead of a simulated day"
    )
    options.add_argument("--speed", type=positive, default=60.0, help="how fast time goes by (60)")
    options.add_argument("--port", type=int, help="port on 127.0.0.1; a free one otherwise")
    options.add_argument("--first-start", action="store_true", help="nothing is configured yet")
    given = options.parse_args()

    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: int | FrameType | None) -> None:
        for ending in endings:
            # Impatience must not leave processes behind.
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
    except (DemoError, pegel.Error, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
    return 1


def run(station: Station, given: argparse.Namespace) -> None:
    running = ["--running"]
    if given.replay:
        copy = station.site / "capture.jsonl"
        shutil.copyfile(given.replay, copy)
        copy.chmod(0o644)
        interval = replay_interval(given.replay, given.speed)
        configure(station, interval=interval, serial=places(INVERTERS[0]), timezone=ZONE)
        station.start_simulator("--replay", str(copy))
        told = f"It replays {given.replay}, {given.speed:g} times as fast"
    else:
        station.clock = Clock.starting(START.timestamp(), given.speed)
        if given.first_start:
            running = []
        else:
            configure(
                station,
                interval=min(max(5.0, POLL_TIME * given.speed), 3600.0),
                serial=places(*INVERTERS),
                name=places("Garage", "House"),
                timezone=ZONE,
                latitude=simulator.LATITUDE,
                longitude=simulator.LONGITUDE,
            )
        inverters = [word for serial in INVERTERS for word in ("--inverter", serial)]
        since = str(MIDNIGHT.timestamp())
        station.start_simulator("--loss", "0.05", "--since", since, *inverters)
        if not given.first_start:
            live_through_morning(station)
        told = (
            f"Its day is simulated: {START:%Y-%m-%d, from %H:%M} on, {given.speed:g} times as fast"
        )
    station.start_launcher(*running)
    station.start_meter()
    station.start_controller()
    station.start_pages()
    if running:
        # The page is to show readings at first sight.
        station.wait_for("launcher", station.has_polled)
    print(
        f"""
  The solar station runs. {told}.

  simulator   inverters on {station.radio}, a smart meter on {station.meter}
  launcher    starts and stops the daemon as the pages wish; log: {station.log}
  meter       pegel serial: the meter's lines become board `meter`
  controller  keeps what is exported near the target, once the page `control` says so
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
                raise DemoError(f"{name} ended:\n{log}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
