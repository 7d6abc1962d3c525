"""Pages of PHP that show the record, served by a private nginx and php-fpm."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from php.site import WORKER, Site, fpm, tool
from publication import PHP, published

WORKERS = 2
START_TIME = 10.0
# Variables of the site, which pages get unchanged.
OF_SITE = ("PEGEL_DIR", "PEGEL_LIBRARY", "PEGEL_PACKAGE")


# PHP's settings for a site: its arguments, and lines of the pool.
Settings = Callable[[Site], tuple[list[str], list[str]]]


class Pages(NamedTuple):
    """The address of the pages, and the PHP processes that serve them."""

    port: int
    workers: list[int]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def name(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()


def masters() -> set[int]:
    """Each php-fpm that this process started."""
    return {child for child in children(os.getpid()) if name(child).startswith("php-fpm")}


def workers(master: int) -> list[int]:
    found = children(master)
    if len(found) != WORKERS:
        raise RuntimeError(f"php-fpm has {len(found)} workers instead of {WORKERS}")
    return found


def scope(site: Site) -> tuple[list[str], list[str]]:
    """The settings that the package's README recommends."""
    return site.ffi_preload(), ["php_admin_value[ffi.enable] = 1"]


@contextmanager
def pages(settings: Settings = scope) -> Iterator[Pages]:
    """Serves each way at show.php?WAY, by the file in php/ways."""
    with ExitStack() as stack:
        # In memory, like all that is measured; not below a directory that only one user can enter.
        directory = tempfile.TemporaryDirectory(prefix="pegel-pages-", dir="/dev/shm")
        site = Site(Path(stack.enter_context(directory)))
        place = site.directory / "place"
        place.mkdir()
        shutil.copytree(PHP, site.directory / "bench")
        environment = stack.enter_context(published(place, site.boards))
        arguments, lines = settings(site)
        pool = [
            "listen.mode = 0666",
            f"pm.max_children = {WORKERS}",
            *lines,
            *(f"env[{key}] = {value}" for key, value in environment.items() if key not in OF_SITE),
        ]
        others = masters()
        stack.enter_context(fpm(site, arguments, *pool))
        (master,) = masters() - others
        port = stack.enter_context(nginx(site.directory))
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        if (status := ask(connection, "store.php")[0]) != 200:
            raise RuntimeError(f"the pages answer {status}")
        connection.close()
        yield Pages(port, workers(master))


def ask(connection: HTTPConnection, page: str) -> tuple[int, bytes]:
    connection.request("GET", f"/{page}")
    answer = connection.getresponse()
    return answer.status, answer.read()


@contextmanager
def nginx(directory: Path) -> Iterator[int]:
    """Starts it and returns its port."""
    port, configuration = free_port(), directory / "nginx.conf"
    text = (PHP / "nginx.conf").read_text(encoding="utf-8")
    for mark, value in {
        "@directory@": str(directory),
        "@port@": str(port),
        "@user@": f"user {WORKER};" if os.geteuid() == 0 else "",
    }.items():
        text = text.replace(mark, value)
    configuration.write_text(text, encoding="utf-8")
    command = [tool("nginx"), "-p", str(directory), "-e", "stderr", "-c", str(configuration)]
    with subprocess.Popen(command) as server:
        try:
            wait_for(server, port)
            yield port
        finally:
            server.terminate()


def wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Waits until it listens, which only a connection shows."""
    end = time.monotonic() + START_TIME
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("nginx does not start")
