"""A station in a temporary directory on this machine: its files, processes and users.

It is private: everything is in a directory below /tmp, and the pages are on a port of 127.0.0.1. If
root starts it, the daemon runs as user `daemon` and the pages as www-data, like different users on
a real station; else all processes run as the user who starts it.
"""

import contextlib
import grp
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boards
import pegel
from clock import VARIABLE, Clock
from executables import StartError, php_fpm, program

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGES = ("pegel", "serial", "crccheck", "astral")
PROGRAM = ROOT / "target/release/pegel"
ANSWER_TIME = 0.1
"""Seconds until an answer counts as lost; a simulated inverter answers faster than a real one."""
DAEMON, PAGES = "daemon", "www-data"
DURABLE_DIR = "PEGEL_DURABLE_DIR"
START_TIMEOUT = 300.0
"""Seconds until a process that neither exits nor becomes ready is given up."""
LISTENERS = 12
"""How many pages can listen to events; the pool has some more workers."""
STOP_TIMEOUT = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def filled_in(text: str, marks: dict[str, object]) -> str:
    """A file of web/ with its marks, such as @site@, replaced by values; @@ stands for @."""
    for mark, value in marks.items():
        text = text.replace(f"@{mark}@", str(value))
    return text


class Station:
    """A station in a directory, and its processes."""

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
        """Copies the programs, as the station's users may not be able to read the repository."""
        if self.is_root:
            shutil.chown(self.directory, "root", PAGES)
        # Other users must not reach the sockets of php-fpm.
        self.directory.chmod(0o750)
        leave_out = shutil.ignore_patterns("__pycache__", "tests", "vendor")
        for source, name in ((HERE, "station"), (ROOT / "php-ffi", "php-ffi")):
            shutil.copytree(source, self.site / name, ignore=leave_out)
        library = ROOT / "target/release/libpegel.so"
        if not library.exists():
            raise StartError(f"{library} not found. Run `make build` first")
        shutil.copy(library, self.site / "libpegel.so.1")
        shutil.copy(PROGRAM, self.site / "pegel")
        shutil.copy(ROOT / "examples/serial/meter.toml", self.site)
        for package in PACKAGES:
            found = importlib.util.find_spec(package)
            if found is None or found.origin is None:
                raise StartError(f"Python package {package} not found. Run `make build` first")
            source = Path(found.origin).parent
            shutil.copytree(source, self.site / "python" / package, ignore=leave_out)
        for path in (self.site, *self.site.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.name == "pegel" else 0o644)
        # Daemon and pages share the boards through their group; the sticky bit keeps them from
        # removing each other's. The pages can read the daemon's log and ports.
        for path, owner, mode in (
            # Of root, so that root can change boards, too.
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
        arguments = ("--port", str(self.radio), "--log", str(self.log))
        return self.python("station.py", *arguments, "--answer-time", str(self.answer_time))

    def python(self, script: str, *arguments: str) -> list[str]:
        return ["/usr/bin/python3", "-B", str(self.site / "station" / script), *arguments]

    def start(self, name: str, command: list[str], *, as_daemon: bool = False) -> None:
        """Starts a process in a group of its own, so that Ctrl-C reaches only this program."""
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
        """Starts the bridge from the meter's serial port to board `meter`."""
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
        """Waits until a process is ready."""
        end = time.monotonic() + START_TIMEOUT
        while not is_ready():
            if self.processes[name].poll() is not None or time.monotonic() > end:
                log = (self.directory / f"{name}.log").read_text(errors="replace")
                raise StartError(f"{name} does not start:\n{log}")
            time.sleep(0.02)

    def has_polled(self) -> bool:
        """Whether the daemon has finished its first round of polls."""
        try:
            return not pegel.Reader(self.boards / "daemon").read().is_default
        except pegel.NotFound:
            return False

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            # php-fpm and nginx exit at once; the launcher first stops its daemon.
            process.terminate()
        for process in reversed(self.processes.values()):
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def installed(port: int | None = None) -> Iterator[Station]:
    """A station that is installed and not started; it is stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pegel-station-", dir="/tmp") as directory:
        station = Station(Path(directory), port or free_port())
        station.install()
        try:
            yield station
        finally:
            station.stop()


def padded(*texts: str) -> list[str]:
    """Texts for the inverters of a configuration, padded with empty ones."""
    return [*texts, *[""] * (boards.INVERTERS - len(texts))]


def configure(station: Station, **values: Any) -> None:
    """Writes the configuration, as a page does."""
    with as_daemon(station), boards.writer("config", place=f"{station.boards}/") as config:
        config.update(**values)


@contextlib.contextmanager
def as_daemon(station: Station) -> Iterator[None]:
    """Creates files as the daemon's user, and durable files in the station's directory."""
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
