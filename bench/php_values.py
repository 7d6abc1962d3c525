"""How fast PHP reads the values of a record of eight fields, and a document, beside other ways.

`make bench-languages` has what this needs.

    PYTHONPATH=bench:tests .venv/bin/python bench/php_values.py [--quick]
"""

import argparse
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import redis_server
from documents import Rate, measure_documents
from helpers.programs import Conversation, converse
from php.site import extension
from publication import PHP, php_command, published
from record import PACKED
from results import Results, take_turns

MEASURE = "decoded snapshot of 8 fields, PHP"
PUBLISHING = "publish 8 fields, PHP"
OPENING = "open, read and close, 8 fields, PHP"
# By the files in php/ways.
WAYS = {
    "pegel": "pegel",
    "pegel, extension": "classes",
    "pegel, extension, read()": "function",
    "pegel, extension, read(), decoded each time": "function",
    "FFI, C interface": "ffi",
    "shmop+sem": "shmop-sem",
    "shmop": "shmop",
    "sysvshm": "sysvshm",
    "apcu": "apcu",
    "include": "include",
    "json file": "json-file",
    "flocked file": "flocked-file",
    "SQLite": "sqlite",
    "Redis": "redis",
}
# The settings of PHP that a way needs.
SETTINGS: dict[str, Callable[[], list[str]]] = {
    "pegel, extension": extension,
    "pegel, extension, read()": extension,
    "pegel, extension, read(), decoded each time": lambda: [*extension(), "-d", "pegel.cache=0"],
}
# The ways whose opening is measured: the others open nothing, or keep it open between requests.
OPENED = ("pegel", "pegel, extension", "shmop+sem", "shmop", "sysvshm", "flocked file", "SQLite")
NOTES = {
    "pegel": "the package over FFI, with age and sequence",
    "pegel, extension": "the same classes in the extension",
    "pegel, extension, read()": "its function: the values alone",
    "pegel, extension, read(), decoded each time": "pegel.cache=0, as if each record were new",
    "include": "a file of PHP in opcache, for values that rarely change",
    "FFI, C interface": "the same library without the package: no age, no sequence",
    "shmop": "unguarded: may read half a record",
    "apcu": "shared only by the workers of one php-fpm",
    "json file": "written anew and renamed over the old one",
    "sysvshm": "under a semaphore",
    "SQLite": "WAL, prepared statement",
    "Redis": "GET of JSON over a Unix socket, persistent connection, no persistence on disk",
}


def versions() -> dict[str, str]:
    """The versions of what is measured, and whether PHP compiled its code."""
    code = (
        "$jit = opcache_get_status(false)['jit']['on'] ? 'on' : 'off (as Debian ships it)';"
        "echo implode(' ', [PHP_VERSION, phpversion('apcu'), phpversion('redis'),"
        " SQLite3::version()['versionString'], $jit]);"
    )
    command = ["php", "-d", "opcache.enable_cli=1", "-r", code]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(" ", 4)
    names = ("php", "apcu", "phpredis", "sqlite", "opcache jit")
    return {**dict(zip(names, words, strict=True)), "redis": redis_server.version()}


def turn(php: Conversation, what: str, seconds: float) -> Callable[[], float]:
    return lambda: float(php.ask(f"{what} {seconds}")) / 1000


def measure_record(results: Results, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        environment = os.environ | stack.enter_context(published(place, place))
        reading, opening = {}, {}
        for peer, way in WAYS.items():
            settings = SETTINGS[peer]() if peer in SETTINGS else []
            command = php_command(PHP / "read.php", way, settings=settings)
            php = stack.enter_context(converse(command, environment))
            reading[peer] = turn(php, "read", seconds)
            reading[peer]()
            if peer in OPENED:
                opening[peer] = turn(php, "open", seconds)
                opening[peer]()
        read, opened = take_turns(rounds, reading), take_turns(rounds, opening)
    size, note = (
        len(PACKED),
        "CLI with opcache; warm; nobody publishes meanwhile; files in /dev/shm",
    )
    results.add(MEASURE, "us", read, size=size, note=f"{note}; opened once", notes=NOTES)
    results.add(OPENING, "us", opened, size=size, note=f"{note}; classes are loaded", notes=NOTES)


def measure_publishing(results: Results, rounds: int, seconds: float) -> None:
    ways = {"pegel": "pegel", "pegel, extension": "pegel", "apcu": "apcu"}
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        environment = os.environ | stack.enter_context(published(place, place))
        turns: dict[str, Callable[[], float]] = {}
        for peer, way in ways.items():
            settings = SETTINGS[peer]() if peer in SETTINGS else []
            command = php_command(PHP / "write.php", way, settings=settings)
            php = stack.enter_context(converse(command, environment))
            turns[peer] = lambda php=php: float(php.ask(str(seconds)))  # type: ignore[misc]
            turns[peer]()
        taken = take_turns(rounds, turns)
    results.add(PUBLISHING, "ns", taken, note="from an array; nobody reads", notes=NOTES)


def main() -> None:
    # On SIGTERM, exit normally, so that all that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="shorter turns")
    is_quick = parser.parse_args().quick
    results = Results("php", versions())
    measure_record(results, *((5, 0.05) if is_quick else (9, 0.3)))
    measure_publishing(results, *((5, 0.05) if is_quick else (9, 0.3)))
    rates = [
        Rate("1 Hz", 1, 2 if is_quick else 8),
        Rate("20 Hz", 20, 0.5 if is_quick else 2),
        Rate("flat out", 0, 0.2 if is_quick else 1),
    ]
    measure_documents(results, 5, 0.1 if is_quick else 0.5, rates)
    results.save()


if __name__ == "__main__":
    main()
