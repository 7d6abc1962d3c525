"""The daemon is killed 200 times, while programs in three languages and the page go on reading."""

import contextlib
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from helpers.programs import WATCHDOG, environment, php, python, wait_until
from helpers.station import HM600, change, page, reader, start, start_daemon
from temporary import Station

KILLS = 200
READERS = ("c", "php", "python")


@contextlib.contextmanager
def running(command: list[str], station: Station) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(station.boards), stdin=pipe, stdout=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.long
def test_no_death_of_the_daemon_harms_a_reader(
    station: Station, c_program: Callable[[str], list[str]]
) -> None:
    start(station, HM600)
    station.start_pages()
    change(station, "service", running=False)
    inverter = reader(station, f"inverter-{HM600}")
    inverter.wait(0, WATCHDOG)
    commands = {
        "c": c_program("tests/station/watch.c"),
        "php": php("tests/station/watch.php"),
        "python": python("tests/station/watch.py"),
    }
    moment = random.Random(200)
    with contextlib.ExitStack() as stack:
        readers = {
            language: stack.enter_context(running(commands[language], station))
            for language in READERS
        }
        for death in range(1, KILLS + 1):
            # Somewhere between its first words and its next publications.
            time.sleep(moment.uniform(0.0, 0.12))
            daemon = station.processes.pop("daemon")
            daemon.kill()
            daemon.wait()
            last = inverter.read()
            assert not last.writer_alive
            assert last.stamp.retries == 0
            if death % 20 == 0:
                assert 'data-state="stopped"' in page(station)
                assert inverter.read().age > last.age
            start_daemon(station)
            if moment.random() < 0.8:
                # The others die while they start.
                inverter.wait(last.sequence, WATCHDOG)
                assert inverter.read_at(last.sequence + 1).generation > last.generation
        wait_until(lambda: inverter.writer_alive, "the last daemon")
        inverter.wait(inverter.sequence, WATCHDOG)
        now = inverter.read()
        assert now.generation > 0.75 * KILLS
        wait_until(lambda: 'data-state="live"' in page(station), "a live page")
        for language, process in readers.items():
            output, _ = process.communicate("", timeout=WATCHDOG)
            count = json.loads(output)
            assert count["failed"] == [], language
            assert (count["torn"], count["backwards"]) == (0, 0), language
            assert count["reads"] > 10 * KILLS, language
            assert count["sequence"] >= now.sequence, language
