"""The demo as a newcomer starts and ends it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect

import pegel
from captures.capture import Capture
from executables import php_fpm
from helpers.programs import ROOT, STRICT, WATCHDOG, wait_until
from helpers.station import HM600, HM1200

DEMO = [sys.executable, str(ROOT / "station/demo.py")]


@contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The demo; a test that fails must not leave it running, nor wait for its end."""
    with subprocess.Popen(
        [*DEMO, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            yield demo
        finally:
            demo.terminate()


def read_to_address(demo: subprocess.Popen[str]) -> tuple[str, str]:
    """Its output up to the address, which is alone on a line, and the address."""
    assert demo.stdout is not None
    output = ""
    while True:
        line = demo.stdout.readline()
        assert line, "the demo ended"
        if re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", line):
            return output, line.rstrip()
        output += line


def interrupt(demo: subprocess.Popen[str]) -> str:
    """Ends it, and returns its output after the address."""
    assert demo.stdout is not None
    demo.send_signal(signal.SIGINT)
    rest = demo.stdout.read()
    assert demo.wait(WATCHDOG) == 0
    return rest


@pytest.fixture
def clock() -> Iterator[Path]:
    """A library that sets the machine's clock for a program; all users may load it."""
    with tempfile.TemporaryDirectory(prefix="pegel-clock-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        library = Path(directory) / "machine_clock.so"
        source = Path(__file__).with_name("machine_clock.c")
        command = ["gcc", "-std=c99", *STRICT, "-shared", "-fPIC", str(source), "-o", str(library)]
        subprocess.run(command, check=True)
        yield library


@pytest.mark.parametrize(
    ("now", "zone"),
    [
        pytest.param("2026-01-15T07:30", "America/Los_Angeles", id="winters-morning"),
        pytest.param("2026-07-15T19:00", "Pacific/Auckland", id="winters-evening"),
        pytest.param("2027-06-21T12:00", "UTC", id="summers-noon"),
    ],
)
def test_page_shows_a_working_station_at_once(
    clock: Path, browser: Browser, now: str, zone: str
) -> None:
    machine = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone))
    environment = os.environ | {
        "TZ": zone,
        "LD_PRELOAD": str(clock),
        "CLOCK_AHEAD": str(int(machine.timestamp() - time.time())),
    }
    with (
        started(environment=environment) as demo,
        browser.new_context(locale="en", timezone_id=zone) as context,
    ):
        output, address = read_to_address(demo)
        assert "2025-06-21, from 13:00" in output
        printed = time.monotonic()
        page = context.new_page()
        answer = page.goto(address)
        expect(page.locator("#state-text")).to_have_text("Live")
        # From 900 to 1,999 W: it is noon in June.
        expect(page.locator("[data-name=power]")).to_have_text(re.compile(r"^(9\d\d|1,\d{3})$"))
        for serial, strings in ((HM600, 2), (HM1200, 4)):
            inverter = page.locator(f"#inverter-{serial}")
            expect(inverter.locator(".string")).to_have_count(strings)
            expect(inverter.locator(".phase .string-power")).to_have_text(re.compile(r"^[1-9]"))
        for name in ("export", "use", "import_today", "export_today"):
            expect(page.locator(f"[data-name={name}]")).to_have_text(re.compile(r"[1-9]"))
        # Both curves go from midnight to one o'clock: 156 points of five minutes, and no gap.
        for curve in ("line", "grid"):
            drawn = page.locator(f"#curve .{curve}")
            expect(drawn).to_have_attribute("d", re.compile(r"^M[^M]{1500,}$"))
        print(f"{time.monotonic() - printed:.2f} s from the address to the whole page")
        expect(page.locator(".clock")).to_contain_text("2025-06-21 1")
        expect(page.locator(".clock")).to_contain_text("simulated at 60")
        assert answer is not None
        assert abs(parsedate_to_datetime(answer.headers["date"]) - machine).days < 1
        [boards] = re.findall(r"PEGEL_DIR=(\S+);", output)
        daily = pegel.Reader(f"{boards}/daily").read()
        # What comes in, as direct current, is a little more than what comes out.
        assert 1.0 < daily["yield_today"] / (sum(daily["curve_power"]) / 12) < 1.1
        assert interrupt(demo) == "\nStopped; nothing is left.\n"


def test_php_fpm_is_the_one_of_php(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(name: str, text: str = "") -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setattr("executables.PATH", str(tmp_path))
    install("php", "printf 8.4")
    for name in ("php-fpm8.9", "php-fpm8.10", "php-fpm8.4", "php-fpm"):
        install(name)
    for name in ("php-fpm", "php-fpm8.4", "php-fpm8.10", "php-fpm8.9"):
        assert php_fpm() == str(tmp_path / name)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_replays_a_capture_and_leaves_nothing(capture: Capture, ending: signal.Signals) -> None:
    with started("--replay", str(capture.path), "--speed", "60") as demo:
        output, address = read_to_address(demo)
        [boards] = re.findall(r"PEGEL_DIR=(\S+);", output, re.MULTILINE)
        directory = Path(boards).parent
        board = Path(boards) / f"pegel.inverter-{HM600}"
        wait_until(board.exists, "the daemon's board")
        pegel.Reader(f"{boards}/inverter-{HM600}").wait(0, WATCHDOG)
        with urllib.request.urlopen(address, timeout=WATCHDOG) as page:
            assert "Solar station" in page.read().decode()
        config = pegel.Reader(f"{boards}/config").read()
        assert config["interval"] == pytest.approx(capture.spacing / 60)
        assert demo.stdout is not None
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
    assert f"demo: {capture}: not a capture of two polls or more" in done.stderr


def test_a_day_goes_by_and_faults_are_made() -> None:
    with started("--speed", "1440") as demo:
        output, _ = read_to_address(demo)
        [boards] = re.findall(r"PEGEL_DIR=(\S+);", output)
        for board in ("daily", "meter", "controller", f"inverter-{HM600}", f"inverter-{HM1200}"):
            wait_until((Path(boards) / f"pegel.{board}").exists, board)
            pegel.Reader(f"{boards}/{board}").wait(0, WATCHDOG)
        program = [str(ROOT / "target/release/pegel"), "--dir", boards]
        subprocess.run([*program, "set", "faults", "radio_unplugged=true"], check=True)
        daemon = pegel.Reader(f"{boards}/daemon")
        wait_until(lambda: daemon.read()["state"] == "no-port", "the fault")
        interrupt(demo)
    assert not Path(boards).parent.exists()


def test_a_first_start_has_no_configuration_and_no_daemon() -> None:
    with started("--first-start") as demo:
        _, address = read_to_address(demo)
        with urllib.request.urlopen(address, timeout=WATCHDOG) as page:
            assert 'data-page="first"' in page.read().decode()
        interrupt(demo)
