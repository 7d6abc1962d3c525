"""PHP as in production: the CLI, and a php-fpm with one worker."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from helpers.programs import ROOT, WATCHDOG, built, library, run

WORKER = "www-data"


def tool(*names: str) -> str:
    """The first of these programs that this machine has."""
    for name in names:
        if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin"):
            return found
    pytest.fail(f"there is no {' or '.join(names)}; `make` installs it")


def php_fpm() -> str:
    """The php-fpm of the CLI's version, whose name in Debian has the version; or another one."""
    version = run(["php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"]).stdout
    others = sorted(path.name for path in Path("/usr/sbin").glob("php-fpm*.*"))
    return tool(f"php-fpm{version}", "php-fpm", *others)


class Site:
    """The package and the library where a worker can read them, and a directory for boards."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.package = directory / "php-ffi"
        self.library = directory / library().name
        self.page = directory / "page.php"
        self.boards = directory / "boards"
        directory.chmod(0o755)
        built("php-ffi/src/pegel.h")
        shutil.copytree(ROOT / "php-ffi", self.package)
        shutil.copy(library(), self.library)
        for page in ("page.php", "many.php"):
            shutil.copy(ROOT / "tests/php" / page, directory)
        self.boards.mkdir(0o700)
        self.worker: list[str] = []
        if os.geteuid() == 0:
            # Root's, for the group: root does not write into a directory of another user.
            shutil.chown(self.boards, group=WORKER)
            self.boards.chmod(0o2770)
            self.worker = [f"user = {WORKER}", f"group = {WORKER}"]
        self.environment = {
            "PEGEL_DIR": str(self.boards),
            "PEGEL_LIBRARY": str(self.library),
            "PEGEL_PACKAGE": str(self.package),
        }

    def ffi_preload(self) -> list[str]:
        header = self.directory / "pegel-preload.h"
        command = ["php", str(self.package / "bin/pegel-preload"), str(self.library)]
        with header.open("wb") as file:
            subprocess.run(command, stdout=file, check=True, timeout=WATCHDOG)
        return ["-d", f"ffi.preload={header}"]

    def opcache_preload(self) -> list[str]:
        settings = ["opcache.enable=1", f"opcache.preload={self.package}/preload.php"]
        if self.worker:
            settings.append(f"opcache.preload_user={WORKER}")
        return [word for setting in settings for word in ("-d", setting)]


def extension() -> list[str]:
    """The settings for PHP to load the extension."""
    return ["-d", f"extension={built('target/php-ext/pegel.so')}"]


class Php:
    """Runs the page for one query."""

    command: list[str]
    environment: dict[str, str]
    # The boards' directory is the worker's, and root does not write boards in it.
    user = WORKER if os.geteuid() == 0 else None

    def begin(self, query: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*self.command, query],
            env=self.environment,
            stdout=pipe,
            stderr=pipe,
            text=True,
            user=self.user,
            group=self.user,
        )

    def end(self, request: "subprocess.Popen[str]") -> Any:
        output, complaint = request.communicate(timeout=WATCHDOG)
        assert request.returncode == 0, complaint
        return json.loads(output)

    def ask(self, query: str) -> Any:
        return self.end(self.begin(query))


class Cli(Php):
    """One process a query."""

    def __init__(self, site: Site, settings: list[str]) -> None:
        self.command = ["php", *settings, str(site.page)]
        self.environment = os.environ | site.environment


class Fpm(Php):
    """A request to the one worker of a php-fpm."""

    def __init__(self, site: Site, socket: Path, master: int) -> None:
        self.socket = socket
        self.master = master
        self.command = [tool("cgi-fcgi"), "-bind", "-connect", str(socket)]
        self.environment = {"SCRIPT_FILENAME": str(site.page), "REQUEST_METHOD": "GET"}

    def begin(self, query: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        environment = self.environment | {"QUERY_STRING": query}
        return subprocess.Popen(self.command, env=environment, stdout=pipe, stderr=pipe, text=True)

    def end(self, request: "subprocess.Popen[str]") -> Any:
        output, complaint = request.communicate(timeout=WATCHDOG)
        header, _, body = output.partition("\n\n")
        assert "Status: " not in header, f"{output}{complaint}"
        return json.loads(body)

    def fail(self, query: str) -> str:
        """Expects a request to end with a fatal error, and returns what PHP printed."""
        output, _ = self.begin(query).communicate(timeout=WATCHDOG)
        assert "Fatal error" in output, output
        return output


@contextmanager
def fpm(site: Site, settings: list[str], *pool: str) -> Iterator[Fpm]:
    socket, configuration = site.directory / "fpm.sock", site.directory / "fpm.conf"
    lines = [
        "[global]",
        "error_log = /proc/self/fd/2",
        "[www]",
        *site.worker,
        f"listen = {socket}",
        "listen.mode = 0600",
        "pm = static",
        "pm.max_children = 1",
        "php_admin_value[display_errors] = 1",
        "php_admin_value[memory_limit] = 32M",
        *(f"env[{name}] = {value}" for name, value in site.environment.items()),
        *pool,
    ]
    configuration.write_text("\n".join(lines) + "\n")
    command = [php_fpm(), "--nodaemonize", "-y", str(configuration), *settings]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            log = ""
            while "ready to handle connections" not in log:
                line = process.stderr.readline()
                assert line, f"php-fpm does not start: {log}"
                log += line
            # Nobody reads on, and it must not wait for that.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Fpm(site, socket, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=WATCHDOG)


def scope(site: Site) -> AbstractContextManager[Fpm]:
    """The settings of README: the header preloaded, and FFI enabled for one pool."""
    return fpm(site, site.ffi_preload(), "php_admin_value[ffi.enable] = 1")
