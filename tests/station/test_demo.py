"""The demo as a newcomer starts and ends it."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pegel
from captures.capture import Capture
from demo import php_fpm
from programs import ROOT, WATCHDOG, wait_until
from stations import HM600, HM1200

DEMO = [sys.executable, str(ROOT / "examples/station/demo.py")]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo; a test that fails must not leave it running, nor wait for its end."""
    with subprocess.Popen([*DEMO, *arguments], stdout=subprocess.PIPE, text=True) as demo:
        try:
            yield demo
        finally:
            demo.terminate()


def test_php_fpm_is_the_one_of_php(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(name: str, text: str = "") -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setattr("demo.PATH", str(tmp_path))
    install("php", "printf 8.4")
    for name in ("php-fpm8.9", "php-fpm8.10", "php-fpm8.4", "php-fpm"):
        install(name)
    for name in ("php-fpm", "php-fpm8.4", "php-fpm8.10", "php-fpm8.9"):
        assert php_fpm() == str(tmp_path / name)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_replays_a_capture_and_leaves_nothing(capture: Capture, ending: signal.Signals) -> None:
    with started("--replay", str(capture.path), "--speed", "60") as demo:
        assert demo.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = demo.stdout.readline()
            assert line, "the demo ended"
            told += line
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/", told)
        [boards] = re.findall(r"PEGEL_DIR=(\S+);", told, re.MULTILINE)
        directory = Path(boards).parent
        board = Path(boards) / f"pegel.inverter-{HM600}"
        wait_until(board.exists, "the daemon's board")
        pegel.Reader(f"{boards}/inverter-{HM600}").wait(0, WATCHDOG)
        with urllib.request.urlopen(address, timeout=WATCHDOG) as page:
            assert "Solar station" in page.read().decode()
        config = pegel.Reader(f"{boards}/config").read()
        assert config["interval"] == pytest.approx(capture.spacing / 60)
        demo.send_signal(ending)
        demo.send_signal(ending)
        rest = demo.stdout.read()
        assert demo.wait(WATCHDOG) == 0
    assert "nothing is left" in rest
    assert not directory.exists()
    assert processes_of(directory) == []


def processes_of(directory: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command:
            found.append(command.decode())
    return found


@pytest.mark.parametrize("text", ["", "no JSON", '{"frames": []}', '{"t": 0, "frames": []}'])
def test_what_is_no_capture_is_refused(tmp_path: Path, text: str) -> None:
    capture = tmp_path / "capture.jsonl"
    capture.write_text(text)
    done = subprocess.run(
        [*DEMO, "--replay", str(capture)], capture_output=True, text=True, timeout=WATCHDOG
    )
    assert done.returncode == 1
    assert f"demo: {capture} is no capture of two polls or more" in done.stderr


def test_a_day_goes_by_and_faults_are_made() -> None:
    with started("--speed", "1440") as demo:
        assert demo.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            told += demo.stdout.readline()
        [boards] = re.findall(r"PEGEL_DIR=(\S+);", told)
        for board in ("today", "meter", "controller", f"inverter-{HM600}", f"inverter-{HM1200}"):
            wait_until((Path(boards) / f"pegel.{board}").exists, board)
            pegel.Reader(f"{boards}/{board}").wait(0, WATCHDOG)
        program = [str(ROOT / "target/release/pegel"), "--dir", boards]
        subprocess.run([*program, "set", "faults", "radio_unplugged=true"], check=True)
        daemon = pegel.Reader(f"{boards}/daemon")
        wait_until(lambda: daemon.read()["state"] == "no-port", "the fault")
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(WATCHDOG) == 0
    assert not Path(boards).parent.exists()


def test_a_first_start_has_no_configuration_and_no_daemon() -> None:
    with started("--first-start") as demo:
        assert demo.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            told += demo.stdout.readline()
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/", told)
        with urllib.request.urlopen(address, timeout=WATCHDOG) as page:
            assert 'data-page="first"' in page.read().decode()
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(WATCHDOG) == 0
