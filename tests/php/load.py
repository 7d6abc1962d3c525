"""Pages under load while everything changes: many requests over nginx to two php-fpm workers.

    python -m php.load [REQUESTS] [SEED]

A daemon publishes a thousand times a second and replaces both boards twice a second; workers are
recycled, and killed at random. Prints how many requests failed, of which there may be no more than
killed workers, and what the workers held.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pegel
from helpers.programs import ROOT, WATCHDOG, converse, environment, free_port, listens, wait_until
from php.requests import Held, held
from php.site import WORKER, Fpm, Site, fpm, tool

# Of ten requests: to look at the readings, at the configuration, and to save that.
SHARES = {"readings": 6, "config": 3, "save": 1}
CONNECTIONS = {"readings": 2, "config": 1, "save": 1}
RECYCLE = 5000
# Between two killed workers, and two looks, in seconds.
PAUSE = 0.1

NGINX = """
daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log crit; {user}
worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/client; fastcgi_temp_path {directory}/fastcgi;
    proxy_temp_path {directory}/proxy; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            fastcgi_pass unix:{directory}/fpm.sock;
            fastcgi_read_timeout {watchdog}s;
            fastcgi_param SCRIPT_FILENAME {directory}/load.php;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param QUERY_STRING $query_string;
        }}
    }}
}}
"""


@dataclass
class Tally:
    """The results of a load."""

    requests: int = 0
    failed: int = 0
    kills: int = 0
    saved: int = 0
    # The number of saves, from the board.
    published: int = 0
    complaints: str = ""
    held: list[Held] = field(default_factory=list)

    def growth(self) -> Held:
        """How much the maximum that a worker held grew in the second half of the time."""
        half = len(self.held) // 2
        halves = zip(self.most(self.held[:half]), self.most(self.held[half:]), strict=True)
        return Held(*(late - early for early, late in halves))

    @staticmethod
    def most(held: list[Held]) -> Held:
        return Held(*(max(column) for column in zip(*held, strict=True)))


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


@contextmanager
def nginx(site: Site) -> Iterator[int]:
    """Its port."""
    port = free_port()
    configuration = site.directory / "nginx.conf"
    user = f"user {WORKER};" if site.worker else ""
    text = NGINX.format(directory=site.directory, port=port, user=user, watchdog=WATCHDOG)
    configuration.write_text(text, encoding="utf-8")
    command = [tool("nginx"), "-p", str(site.directory), "-e", "stderr", "-c", str(configuration)]
    with subprocess.Popen(command) as server:
        try:
            wait_until(lambda: listens(port) or server.poll() is not None, "the start of nginx")
            assert server.poll() is None, "nginx does not start"
            yield port
        finally:
            server.terminate()


def look(port: int, boards: Path) -> bool:
    """Whether a page answers with the newest record, whatever happens meanwhile."""
    before = newest(boards)
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/?readings", timeout=WATCHDOG
        ) as answer:
            sequence = int(answer.read())
    except urllib.error.HTTPError as error:
        # It is an open answer, of which Python 3.14 warns.
        error.close()
        return False
    except ConnectionError:
        return False
    assert before <= sequence <= newest(boards), "a page shows what is no longer the newest"
    return True


def newest(boards: Path) -> int:
    while True:
        # The board may be replaced between these two.
        with suppress(pegel.Gone):
            return pegel.Reader(boards / "readings").sequence


def disturb(php: Fpm, port: int, boards: Path, tally: Tally, chance: random.Random) -> None:
    """Kills a worker, and checks a page and what the workers hold."""
    disturb_workers(php, tally, chance)
    tally.requests += 1
    tally.failed += not look(port, boards)


def disturb_workers(php: Fpm, tally: Tally, chance: random.Random) -> None:
    """Checks what the workers hold, and kills one of them."""
    workers = children(php.master)
    for worker in workers:
        # One that was just recycled is gone.
        with suppress(FileNotFoundError, ProcessLookupError, KeyError):
            tally.held.append(held(str(worker)))
    if workers and chance.random() < 0.5:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
            tally.kills += 1


def prepare(site: Site, page: str) -> tuple[Path, list[str]]:
    """Makes this page the site's, and returns its log and the settings of a pool for a load."""
    (site.directory / "load.php").write_text((ROOT / page).read_text())
    log = site.directory / "pages.log"
    log.touch()
    if site.worker:
        # Files of the daemon's belong to the pages' group.
        site.boards.chmod(0o2770)
        os.chown(log, site.boards.stat().st_uid, -1)
    return log, [
        "pm.max_children = 2",
        f"pm.max_requests = {RECYCLE}",
        "listen.mode = 0666",
        f"php_admin_value[error_log] = {log}",
    ]


def load(site: Site, requests: int, seed: int) -> Tally:
    tally, chance = Tally(), random.Random(seed)
    log, pool = prepare(site, "tests/php/load.php")
    pool.append("php_admin_value[ffi.enable] = 1")
    daemon = [sys.executable, str(ROOT / "tests/php/daemon.py")]
    with ExitStack() as stack:
        writer = stack.enter_context(converse(daemon, environment(site.boards)))
        assert writer.hear() == "ready"
        php = stack.enter_context(fpm(site, site.ffi_preload(), *pool))
        port = stack.enter_context(nginx(site))
        ab = {
            way: attack(port, way, requests * share // 10, CONNECTIONS[way])
            for way, share in SHARES.items()
        }
        try:
            while any(process.poll() is None for process in ab.values()):
                disturb(php, port, site.boards, tally, chance)
                time.sleep(PAUSE)
            for way, process in ab.items():
                done, failed = result(process)
                tally.requests += done
                tally.failed += failed
                tally.saved += done - failed if way == "save" else 0
        finally:
            for process in ab.values():
                process.kill()
                process.communicate()
    tally.published = pegel.Reader(site.boards / "config").read()["saved"]
    tally.complaints = log.read_text()
    # No killed process holds it.
    pegel.Writer.open(site.boards / "config", timeout=0).close()
    return tally


def attack(port: int, way: str, requests: int, connections: int) -> "subprocess.Popen[str]":
    options = [
        "-n",
        str(requests),
        "-c",
        str(connections),
        "-k",
        "-r",
        "-l",
        "-q",
        "-s",
        str(WATCHDOG),
    ]
    pipe = subprocess.PIPE
    command = ["ab", *options, f"http://127.0.0.1:{port}/?{way}"]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def result(process: "subprocess.Popen[str]") -> tuple[int, int]:
    """The number of requests, and of failed ones."""
    output, complaint = process.communicate(timeout=WATCHDOG)
    assert process.returncode == 0, complaint
    numbers = dict(re.findall(r"^(.+?):\s+(\d+)", output, re.MULTILINE))
    failed = int(numbers["Failed requests"]) + int(numbers.get("Non-2xx responses", 0))
    return int(numbers["Complete requests"]), failed


def check(tally: Tally, requests: int) -> None:
    # A worker that was killed may have published before it could answer.
    assert tally.saved <= tally.published <= tally.saved + tally.kills
    check_pages(tally, requests)


def check_pages(tally: Tally, requests: int) -> None:
    assert tally.complaints == "", tally.complaints[:2000]
    assert tally.requests >= requests
    assert tally.failed <= tally.kills
    growth = tally.growth()
    assert growth.descriptors < 3, growth
    # The allocator's own come and go.
    assert growth.maps < 10, growth
    assert growth.kilobytes < 1024, growth


def report(tally: Tally, seconds: float) -> None:
    print(f"{tally.requests} requests in {seconds:.0f} s, {tally.kills} kills")
    print(f"{tally.failed} failed; a worker held at most {Tally.most(tally.held)}")
    print(f"in the second half of the time that was more by {tally.growth()}")


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pegel-php-") as directory:
        tally = load(Site(Path(directory)), requests, seed)
    print(f"{tally.saved} saved, {tally.published} published")
    report(tally, time.monotonic() - begin)
    check(tally, requests)


if __name__ == "__main__":
    main()
