"""A private Redis: on a Unix socket, without persistence, stopped at the end."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Debian's redis-tools contains the server, too, which acts by the name of its command; the package
# redis-server would start one for the whole machine.
PROGRAM, NAME = "/usr/bin/redis-check-rdb", "redis-server"
START_TIME = 10.0


@contextmanager
def redis_server(place: Path) -> Iterator[Path]:
    """Starts it and yields its socket, which all users can connect to."""
    address = place / "redis.sock"
    settings = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "777",
        "dir": str(place),
        "save": "",
        "appendonly": "no",
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    log = subprocess.DEVNULL
    with subprocess.Popen([NAME, *words], executable=PROGRAM, stdout=log) as server:
        try:
            wait_for(server, address)
            yield address
        finally:
            server.terminate()


def wait_for(server: subprocess.Popen[bytes], address: Path) -> None:
    """Waits until it answers, which only a request shows."""
    end = time.monotonic() + START_TIME
    while time.monotonic() < end and server.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(address)) == 0:
                probe.sendall(b"PING\r\n")
                if probe.recv(64).startswith(b"+PONG"):
                    return
        time.sleep(0.02)
    raise RuntimeError("Redis does not start")


def version() -> str:
    done = subprocess.run(
        [NAME, "--version"], executable=PROGRAM, capture_output=True, text=True, check=True
    )
    return done.stdout.split("v=")[1].split()[0]
