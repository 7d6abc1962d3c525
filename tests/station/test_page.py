"""The page in a real browser, in front of the real station."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import pegel
from demo import Station, program
from stations import WATCHDOG, kill, log_has, page, reader, set_config, until

CHROMIUM = "/usr/bin/chromium"
CLOSED_NETWORK = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WATCHDOG * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CLOSED_NETWORK)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, station: Station) -> Iterator[Callable[..., Page]]:
    """Opens the station's page in a browser of its own; errors in its script fail the test."""
    contexts = []
    errors: list[str] = []

    def opened(size: tuple[int, int] = DESK, script: bool = True) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(station.address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def running(station: Station) -> Station:
    """A station whose daemon polls ten times a second."""
    station.start_simulator("--speed", "60")
    station.start_launcher("--running")
    reader(station, "config")
    set_config(station, interval=0.1)
    station.start_pages()
    reader(station, "inverter").wait(0, WATCHDOG)
    return station


def test_readings_change_without_reloading(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#told")).to_have_text("Live")
    shown = page.locator("[data-name=ac_power]")
    for _ in range(3):
        expect(shown).not_to_have_text(shown.inner_text())
    assert page.evaluate("window.loadedOnce")
    expect(page.locator("#trend .line")).to_have_attribute("d", re.compile("^M"))
    newest = reader(running, "inverter").read()
    assert page.locator("[data-name=serial]").inner_text() == newest["serial"]


def test_before_the_first_reading_the_page_says_so_and_starts_the_daemon(
    station: Station, open_page: Callable[..., Page]
) -> None:
    station.start_pages()
    page = open_page()
    expect(page.locator("#told")).to_have_text("Nothing measured yet")
    expect(page.locator("#age")).to_have_text("no reading yet")
    expect(page.get_by_label("Ask every")).to_have_value("5")
    assert sorted(pegel.boards(station.boards)) == ["config", "service"]
    # Now the others come, to boards that the page has made.
    station.start_simulator()
    station.start_launcher()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#told")).to_have_text("Live")
    expect(page.locator("[data-name=ac_power]")).to_have_text(re.compile(r"\d"))
    assert pegel.Reader(station.boards / "service").read()["running"] is True


def test_the_daemon_may_come_before_the_page(
    station: Station, open_page: Callable[..., Page]
) -> None:
    station.start_simulator()
    station.start_launcher("--running")
    reader(station, "inverter").wait(0, WATCHDOG)
    station.start_pages()
    expect(open_page().locator("#told")).to_have_text("Live")


def test_the_buttons_start_and_stop_the_daemon(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page, inverter = open_page(), reader(running, "inverter")
    start, stop = (page.get_by_role("button", name=name) for name in ("Start", "Stop"))
    expect(start).to_be_disabled()
    stop.click()
    expect(page.locator("#told")).to_have_text("Daemon stopped")
    expect(page.locator("#old")).to_be_visible()
    expect(stop).to_be_disabled()
    last = inverter.read()
    assert not last.writer_alive
    power = page.locator("[data-name=ac_power]").inner_text()
    assert float(power) == pytest.approx(last["ac_power"])
    # The button loaded the page anew, and the line of the minutes before goes on.
    expect(page.locator("#trend .line")).to_have_attribute("d", re.compile("^M"))
    start.click()
    expect(page.locator("#told")).to_have_text("Live")
    expect(page.locator("#old")).to_be_hidden()
    assert inverter.wait(last.sequence, WATCHDOG) > last.sequence


def test_a_killed_daemon_shows_and_its_reading_grows_old(
    station: Station, open_page: Callable[..., Page]
) -> None:
    station.start_simulator()
    station.start("daemon", station.daemon_command(), as_daemon=True)
    reader(station, "inverter").wait(0, WATCHDOG)
    station.start_pages()
    page = open_page()
    expect(page.locator("#told")).to_have_text("Live")
    expect(page.locator("[data-name=writer]")).to_have_text("alive")
    kill(station, "daemon")
    expect(page.locator("#told")).to_have_text("Daemon stopped")
    expect(page.locator("[data-name=writer]")).to_have_text("gone")
    expect(page.locator("#age")).to_have_text(re.compile(r"^[2-9] s ago$"))
    expect(page.locator("#age")).not_to_have_text(page.locator("#age").inner_text())


def test_the_form_saves_and_the_daemon_obeys(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.get_by_label("Ask every").fill("0,2")
    page.get_by_label("Rated power, string 1").fill("350.5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")
    expect(page.get_by_label("Ask every")).to_have_value("0.2")
    saved = pegel.Reader(running.boards / "config").read()
    assert dict(saved) == {"interval": 0.2, "rated_power": (350.5, 405.0)}
    until(log_has(running, "'interval': 0.2"), "the daemon has the settings")


def test_what_cannot_be_is_not_saved_and_stays_in_the_form(
    station: Station, open_page: Callable[..., Page]
) -> None:
    station.start_pages()
    page = open_page()
    for wrong in ("0", "3601", "often", "1e999", "<b>"):
        page.get_by_label("Ask every").fill(wrong)
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#interval-error")).to_contain_text("from 0.1 to 3600 s")
        expect(page.get_by_label("Ask every")).to_have_value(wrong)
    assert pegel.Reader(station.boards / "config").sequence == 1


@pytest.mark.parametrize("script", [True, False])
def test_the_second_of_two_saves_is_told_and_loses_nothing(
    station: Station, open_page: Callable[..., Page], script: bool
) -> None:
    station.start_pages()
    first, second = open_page(script=script), open_page(script=script)
    first.get_by_label("Ask every").fill("7")
    second.get_by_label("Ask every").fill("9")
    first.get_by_role("button", name="Save").click()
    expect(first.locator("main > .notice")).to_contain_text("Saved")
    if script:
        expect(second.locator("#changed")).to_be_visible()
    config = pegel.Reader(station.boards / "config")

    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Not saved")
    expect(second.locator("[data-theirs=interval]")).to_have_text("Ask every 7 s, yours 9 s")
    expect(second.get_by_label("Ask every")).to_have_value("9")
    assert config.read()["interval"] == 7.0

    second.get_by_role("button", name="Save").click()
    expect(second.locator("main > .notice")).to_contain_text("Saved")
    assert config.read()["interval"] == 9.0


def test_settings_that_another_program_holds_are_not_saved_and_stay_in_the_form(
    station: Station, open_page: Callable[..., Page]
) -> None:
    station.start_pages()
    page = open_page()
    page.get_by_label("Ask every").fill("9")
    with pegel.Writer.open(station.boards / "config", timeout=WATCHDOG):
        page.get_by_role("button", name="Save").click()
        expect(page.locator("main > .notice")).to_contain_text("Not saved")
        expect(page.get_by_label("Ask every")).to_have_value("9")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")


def test_open_pages_keep_no_other_from_loading_and_saving(station: Station) -> None:
    station.start_pages()
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{station.port}\r\n\r\n".encode()
    with contextlib.ExitStack() as readers:
        for _ in range(100):
            reader = socket.create_connection(("127.0.0.1", station.port), WATCHDOG)
            readers.enter_context(reader).sendall(request)
        assert "Solar station" in page(station)
        sent = {"sequence": "1", "interval": "9", "rated_power_1": "405", "rated_power_2": "405"}
        assert post(station, "config", sent) == 200
    assert pegel.Reader(station.boards / "config").read()["interval"] == 9.0


def test_a_page_that_loses_the_server_says_so_and_finds_it_again(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    expect(page.locator("#told")).to_have_text("Live")
    for name in ("nginx", "php-fpm"):
        process = running.processes.pop(name)
        process.terminate()
        process.wait(WATCHDOG)
    expect(page.locator("#told")).to_have_text("Page is cut off")
    expect(page.locator("#old")).to_be_visible()
    running.start_pages()
    expect(page.locator("#told")).to_have_text("Live")
    expect(page.locator("#old")).to_be_hidden()


def test_a_page_that_nobody_looks_at_keeps_no_worker(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    expect(page.locator("#told")).to_have_text("Live")
    for hidden, state in ((True, "CLOSED"), (False, "OPEN")):
        page.evaluate(
            "value => Object.defineProperty(document, 'hidden', {value, configurable: true})",
            hidden,
        )
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        is_in_state = f"events.readyState === EventSource.{state}"
        until(partial(page.evaluate, is_in_state), f"{state} events")


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_sticks_out(
    running: Station, open_page: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = open_page(size)
    expect(page.locator("#trend .line")).to_have_attribute("d", re.compile("^M"))
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    unlabelled = (
        "[...document.querySelectorAll('input:not([type=hidden])')].filter(i => !i.labels[0])"
    )
    assert page.evaluate(f"{unlabelled}.length") == 0


def post(station: Station, path: str, values: dict[str, str], **headers: str) -> int:
    request = urllib.request.Request(
        station.address + path,
        urllib.parse.urlencode(values).encode(),
        {name.replace("_", "-"): value for name, value in headers.items()},
    )
    try:
        with urllib.request.urlopen(request, timeout=WATCHDOG) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    return status


def test_other_pages_cannot_use_the_forms(station: Station) -> None:
    station.start_pages()
    page(station)
    wish = {"running": "1"}
    assert post(station, "service", wish, Origin="http://elsewhere.example") == 403
    assert post(station, "service", wish, Sec_Fetch_Site="cross-site") == 403
    stranger = "elsewhere.example"
    assert post(station, "service", wish, Host=stranger, Origin=f"http://{stranger}") == 421
    assert pegel.Reader(station.boards / "service").read()["running"] is False
    assert post(station, "service", wish, Origin=station.address.rstrip("/")) == 200
    assert pegel.Reader(station.boards / "service").read()["running"] is True
    assert post(station, "elsewhere", {}) == 404


def test_the_page_reads_the_daemons_board_and_cannot_write_it(
    running: Station,
) -> None:
    if os.geteuid() != 0:
        pytest.fail("the daemon and the page need users of their own: run this test as root")
    inverter = pegel.Reader(running.boards / "inverter")
    assert oct(inverter.info.mode) == "0o640"
    script = running.site / "intrude.php"
    shutil.copy(Path(__file__).with_name("intrude.php"), script)
    answer = subprocess.run(
        [program("cgi-fcgi"), "-bind", "-connect", str(running.directory / "pages.sock")],
        env={"SCRIPT_FILENAME": str(script), "REQUEST_METHOD": "GET"},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=True,
    )
    seen = json.loads(answer.stdout.partition("\n\n")[2] or answer.stdout.partition("\r\n\r\n")[2])
    assert (seen["user"], seen["read"]) == ("www-data", "81807700")
    for attempt in ("open", "create"):
        assert seen[attempt].startswith("Pegel\\Denied: "), seen[attempt]
        assert "pegel.inverter" in seen[attempt]
