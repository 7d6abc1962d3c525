"""What a record of eight fields costs a page through nginx and php-fpm, in Pegel's way and others.

`make bench-languages` has what this needs.

    PYTHONPATH=bench:tests .venv/bin/python bench/web.py [--quick]
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from random import shuffle
from time import perf_counter_ns

from pages import WORKERS, Pages, Settings, ask, pages, scope
from php.site import extension, tool
from php_values import versions
from record import PACKED, RECORD
from results import Results, take_turns

EMPTY = "empty"
# By the files in php/ways.
WAYS = {
    EMPTY: "constant",
    "pegel": "pegel",
    "FFI, C interface": "ffi",
    "shmop+sem": "shmop-sem",
    "apcu": "apcu",
    "Redis": "redis",
}
NOTES = {
    EMPTY: "shows constants, by the same script",
    "pegel": "the package, with ffi.preload",
    "FFI, C interface": "the same library without the package",
    "Redis": "persistent connection over a Unix socket; CPU of PHP alone, not of Redis",
}
NOTE = f"nginx, php-fpm with {WORKERS} static workers, both warm; nobody publishes meanwhile"
# How the package finds the library, by PHP's settings.
TIERS: dict[str, Settings] = {
    "extension": lambda _site: (["-d", "ffi.enable=0", *extension()], []),
    "extension, the package's classes": lambda _site: (
        ["-d", "ffi.enable=0", "-d", "pegel.classes=0", *extension()],
        [],
    ),
    "scope": scope,
    "scope, classes preloaded": lambda site: (
        ["-d", "ffi.enable=preload", *site.ffi_preload(), *site.opcache_preload()],
        [],
    ),
    "classes preloaded": lambda site: (["-d", "ffi.enable=preload", *site.opcache_preload()], []),
    "cdef": lambda _site: (["-d", "ffi.enable=1"], []),
    "files": lambda _site: (["-d", "ffi.enable=0"], []),
}
TIER_NOTES = {
    "extension": "its classes; FFI is off",
    "extension, the package's classes": "pegel.classes=0; FFI is off",
    "scope": "ffi.preload",
    "scope, classes preloaded": "ffi.preload and opcache.preload",
    "classes preloaded": "opcache.preload, and ffi.enable as PHP has it",
    "cdef": "nothing preloaded",
    "files": "FFI is off",
}
# At once, over as many connections as there are workers, so that no request waits for another.
CONNECTIONS = WORKERS
COMPLAINT = re.compile(r"Non-2xx|Socket errors")


def page(way: str) -> str:
    return f"show.php?{way}"


def check(connection: HTTPConnection, way: str) -> None:
    status, body = ask(connection, page(way))
    if status != 200 or json.loads(body) != RECORD:
        raise RuntimeError(f"the page {way} shows something else: {status} {body!r}")


def latencies(connection: HTTPConnection, ways: dict[str, str], requests: int) -> dict[str, float]:
    """One round: the median of each page, in microseconds, while all alternate."""
    times: dict[str, list[int]] = {peer: [] for peer in ways}
    turns = list(ways.items())
    for _ in range(requests):
        # A page that follows a slow one finds cold caches: the order varies, so each page does.
        shuffle(turns)
        for peer, way in turns:
            start = perf_counter_ns()
            status, body = ask(connection, page(way))
            times[peer].append(perf_counter_ns() - start)
            if status != 200 or len(body) < 100:
                raise RuntimeError(f"the page {peer} answers {status} {body!r}")
    return {peer: statistics.median(all_times) / 1000 for peer, all_times in times.items()}


def measure_latency(results: Results, site: Pages, rounds: int, requests: int) -> None:
    connection = HTTPConnection("127.0.0.1", site.port, timeout=60)
    latencies(connection, WAYS, requests)
    own: dict[str, list[float]] = {peer: [] for peer in WAYS if peer != EMPTY}
    whole: list[float] = []
    for _ in range(rounds):
        for way in WAYS.values():
            check(connection, way)
        medians = latencies(connection, WAYS, requests)
        whole.append(medians[EMPTY])
        for peer, added in own.items():
            added.append(medians[peer] - medians[EMPTY])
    connection.close()
    note = f"{NOTE}; one connection, kept, pages alternate, {requests} requests each a round"
    results.add("added page latency", "us", own, size=len(PACKED), note=note, notes=NOTES)
    results.add("page latency", "us", {EMPTY: whole}, note=note, notes=NOTES)


def measure_tiers(results: Results, rounds: int, requests: int) -> None:
    """Each tier has a separate php-fpm, and so a separate empty page."""
    ways = {peer: WAYS[peer] for peer in (EMPTY, "pegel")}
    added: dict[str, list[float]] = {tier: [] for tier in TIERS}
    with ExitStack() as stack:
        connections = {}
        for tier, settings in TIERS.items():
            port = stack.enter_context(pages(settings)).port
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            connections[tier] = stack.enter_context(closing(connection))
            check(connection, WAYS["pegel"])
            latencies(connection, ways, requests)
        for _ in range(rounds):
            for tier, connection in connections.items():
                medians = latencies(connection, ways, requests)
                added[tier].append(medians["pegel"] - medians[EMPTY])
    note = f"{NOTE}; one connection each, kept, pages alternate, {requests} requests each a round"
    results.add(
        "added page latency by tier", "us", added, size=len(PACKED), note=note, notes=TIER_NOTES
    )


def processor_time(workers: list[int]) -> int:
    """The workers' processor time in nanoseconds; /proc/PID/stat has it in ticks."""
    texts = [Path(f"/proc/{worker}/schedstat").read_text(encoding="ascii") for worker in workers]
    return sum(int(text.split()[0]) for text in texts)


class Load:
    """As many requests of a page as possible in a given time."""

    def __init__(self, site: Pages, way: str, seconds: float) -> None:
        self.site, self.way, self.seconds = site, way, seconds
        self.costs: list[float] = []

    def __call__(self) -> float:
        """Returns requests per second; stores the processor time of one, in microseconds."""
        connection = HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        check(connection, self.way)
        connection.close()
        before = processor_time(self.site.workers)
        text = self._run()
        spent = processor_time(self.site.workers) - before
        requests = re.search(r"(\d+) requests in", text)
        rate = re.search(r"Requests/sec: +([\d.]+)", text)
        if requests is None or rate is None or COMPLAINT.search(text):
            raise RuntimeError(f"the page {self.way} under load: {text}")
        self.costs.append(spent / int(requests[1]) / 1000)
        return float(rate[1])

    def _run(self) -> str:
        address = f"http://127.0.0.1:{self.site.port}/{page(self.way)}"
        # wrk accepts whole seconds only.
        words = [f"-c{CONNECTIONS}", "-t1", f"-d{self.seconds:.0f}s", address]
        done = subprocess.run(
            [tool("wrk"), *words], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout


def measure_load(results: Results, site: Pages, rounds: int, seconds: int) -> None:
    loads = {peer: Load(site, way, seconds) for peer, way in WAYS.items()}
    turns: dict[str, Callable[[], float]] = {**loads}
    rates = take_turns(rounds, turns)
    costs = {peer: load.costs for peer, load in loads.items()}
    note = f"{NOTE}; wrk over {CONNECTIONS} connections, on the same machine"
    size = len(PACKED)
    results.add("requests per second", "1/s", rates, size=size, note=note, notes=NOTES)
    note = f"{note}; of the php-fpm workers"
    results.add("CPU per request", "us", costs, size=size, note=note, notes=NOTES)


def main() -> None:
    # On SIGTERM, exit normally, so that all that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    is_quick = parser.parse_args().quick
    results = Results("web", versions())
    with pages() as site:
        measure_latency(results, site, *((5, 100) if is_quick else (9, 1000)))
        measure_load(results, site, 5, 1 if is_quick else 2)
    measure_tiers(results, *((3, 100) if is_quick else (9, 500)))
    results.save()


if __name__ == "__main__":
    main()
