"""The page `now` in a real browser, in front of the real station."""

import contextlib
import re
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import boards
from captures.capture import Capture
from helpers.programs import WATCHDOG, wait_until
from helpers.station import (
    HM300,
    HM600,
    HM1200,
    change,
    kill,
    newest,
    page,
    reader,
    start,
    start_daemon,
    stop,
)
from temporary import Station, as_daemon, configure, padded


def shown(page: Page, name: str) -> str:
    return page.locator(f'[data-name="{name}"]').inner_text()


def test_readings_change_without_reloading(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#state-text")).to_have_text("Live")
    measured = page.locator(f"#inverter-{HM600} .phase dd").last
    for _ in range(2):
        expect(measured).not_to_have_text(measured.inner_text())
    assert page.evaluate("window.loadedOnce")
    expect(page.locator("#curve .line")).to_have_attribute("d", re.compile("^M"))
    expect(page.locator("[data-name=power]")).to_have_text(re.compile(r"^\d+$"))


def test_all_polls_are_shown_as_they_were_decoded(
    station: Station, capture: Capture, polls: list[dict[str, Any]], open_page: Callable[..., Page]
) -> None:
    copy = station.site / "capture.jsonl"
    copy.write_bytes(capture.path.read_bytes())
    configure(station, serial=padded(HM600), interval=3600.0)
    station.start_simulator("--replay", str(copy))
    station.start_pages()
    # A second poll would be answered by the next one of the capture.
    station.answer_time = WATCHDOG
    start_daemon(station)
    inverter = reader(station, f"inverter-{HM600}")
    inverter.wait(0, WATCHDOG)
    page = open_page()
    for number, poll in enumerate(polls):
        if number > 0:
            # New settings are a reason to ask at once.
            change(station, "config", interval=3600.0 - number)
            inverter.wait(number, WATCHDOG)
        assert inverter.sequence == number + 1
        page.reload()
        for name, text in as_shown(poll["decoded"]).items():
            assert shown(page, f"{HM600}-{name}") == text, (number, name)


def as_shown(decoded: dict[str, Any]) -> dict[str, str]:
    """What the page has to say of a poll: the capture's own values, in English."""
    [phase] = decoded["phases"]
    texts = {
        "ac_voltage": f"{phase['voltage']:.1f}",
        "ac_current": f"{phase['current']:.2f}",
        "ac_power": f"{phase['power']:,.1f}",
        "ac_frequency": f"{phase['frequency']:.2f}",
        "ac_reactive_power": f"{phase['reactive_power']:.1f}",
        "powerfactor": f"{decoded['powerfactor']:.3f}",
        "temperature": f"{decoded['temperature']:.1f}",
        "efficiency": f"{decoded['efficiency']:.2f}",
        "event_count": f"{decoded['event_count']}",
        "yield_today": f"{decoded['yield_today'] / 1000:,.3f}",
        "yield_total": f"{decoded['yield_total'] / 1000:,.3f}",
    }
    for number, string in enumerate(decoded["strings"]):
        texts |= {
            f"string_voltage-{number}": f"{string['voltage']:.1f}",
            f"string_current-{number}": f"{string['current']:.2f}",
            f"string_power-{number}": f"{string['power']:,.1f}",
            f"string_energy_daily-{number}": f"{string['energy_daily'] / 1000:,.3f}",
            f"string_energy_total-{number}": f"{string['energy_total'] / 1000:,.3f}",
            f"string_irradiation-{number}": f"{string['irradiation']:.1f}",
        }
    return texts


def test_several_inverters_and_the_meter(station: Station, open_page: Callable[..., Page]) -> None:
    start(station, HM300, HM1200, name=("Shed", "", "", ""))
    station.start_meter()
    reader(station, "meter").wait(0, WATCHDOG)
    station.start_pages()
    reader(station, f"inverter-{HM1200}").wait(0, WATCHDOG)
    page = open_page()
    expect(page.get_by_role("heading", name=re.compile("Shed"))).to_contain_text("HM-300")
    expect(page.locator(f"#inverter-{HM1200} .string")).to_have_count(4)
    expect(page.locator(f"#inverter-{HM300} .string")).to_have_count(1)
    names = ("production", "import", "export", "use", "own_use")
    wait_until(lambda: "\u2013" not in "".join(shown(page, name) for name in names), "the meter")

    def add_up() -> bool:
        texts = page.locator("#flow").evaluate(
            "e => [...e.querySelectorAll('[data-name]')].map(n => n.textContent)"
        )
        made, drawn, given, used, own = (
            float(text.replace(",", "").replace("\u2212", "-")) for text in texts[:5]
        )
        return abs(made + drawn - given - used) <= 2 and abs(made - given - own) <= 2

    wait_until(add_up, "production, import, export and use that fit each other")
    wait_until(lambda: shown(page, "import_today") != "\u2013", "the day's energies")
    change(station, "faults", meter_silent=True)
    change(station, "config", serial=padded(HM300, HM1200, HM600))
    # A new inverter has a place as soon as it is configured.
    expect(page.locator(f"#inverter-{HM600}")).to_have_count(1)


def test_last_events_are_the_newest_50(running: Station, open_page: Callable[..., Page]) -> None:
    stop(running, "launcher")
    with as_daemon(running):
        events = boards.writer("events", HM600, place=f"{running.boards}/")
    with events:
        for number in range(60):
            events.publish(
                at=number, level="info", kind="inverter-event", message=f"event {number}"
            )
    page = open_page()
    page.get_by_text("The last 50 events").click()
    rows = page.locator(f"#events-{HM600} tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("event 59")
    expect(rows.last).to_contain_text("event 10")


def test_a_killed_daemon_shows_and_its_readings_grow_old(
    station: Station, open_page: Callable[..., Page]
) -> None:
    start(station, HM600)
    change(station, "service", running=True)
    station.start_pages()
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    page = open_page()
    expect(page.locator("#state-text")).to_have_text("Live")
    power = shown(page, "power")
    assert power != "\u2013"
    kill(station, "daemon")
    expect(page.locator("#state-text")).to_have_text("Daemon gone")
    expect(page.locator("#hero .old")).to_be_visible()
    age = page.locator("#hero [data-age]")
    expect(age).to_have_text(re.compile(r"^([2-9]|\d{2,}) s ago$"))
    expect(age).not_to_have_text(age.inner_text())
    assert shown(page, "power") == f"{newest(station, f'inverter-{HM600}')['ac_power']:,.0f}"
    start_daemon(station)
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("#hero .old")).to_be_hidden()


@pytest.mark.long
def test_a_day_and_a_night(station: Station, open_page: Callable[..., Page]) -> None:
    start(station, HM600, speed=1440, hour=20, interval=120.0)
    station.start_pages()
    page = open_page()
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("#state-text")).to_have_text("Night pause")
    expect(page.locator("#hero .old")).to_be_visible()
    dusk = newest(station, f"inverter-{HM600}")
    power = page.locator(f'[data-name="{HM600}-ac_power"]')
    expect(power).to_have_text(f"{dusk['ac_power']:,.1f}")
    expect(page.locator(f"#inverter-{HM600} .is-old").first).to_be_visible()
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("#hero .old")).to_be_hidden()


def test_pages_that_find_no_room_for_events_ask_now_and_then(
    running: Station, open_page: Callable[..., Page]
) -> None:
    request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode()
    with contextlib.ExitStack() as readers:
        answers = []
        for _ in range(60):
            connection = socket.create_connection(("127.0.0.1", running.port), WATCHDOG)
            readers.enter_context(connection).sendall(request)
            answers.append(connection.recv(12))
        assert answers.count(b"HTTP/1.1 200") == 12
        assert answers.count(b"HTTP/1.1 503") == 48
        assert "Solar station" in page(running)
        late = open_page()
        expect(late.locator("#state-text")).to_have_text("Live")
        measured = late.locator(f"#inverter-{HM600} .phase dd").last
        expect(measured).not_to_have_text(measured.inner_text())


def test_a_page_that_loses_the_server_says_so_and_finds_it_again(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    expect(page.locator("#state-text")).to_have_text("Live")
    for name in ("nginx", "php-fpm"):
        process = running.processes.pop(name)
        process.terminate()
        process.wait(WATCHDOG)
    expect(page.locator("#state-text")).to_have_text("No connection")
    running.start_pages()
    expect(page.locator("#state-text")).to_have_text("Live")


def test_a_page_that_nobody_looks_at_keeps_no_worker(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    expect(page.locator("#state-text")).to_have_text("Live")
    for hidden, state in ((True, "CLOSED"), (False, "OPEN")):
        page.evaluate(
            "value => Object.defineProperty(document, 'hidden', {value, configurable: true})",
            hidden,
        )
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        is_in_state = f"events.readyState === EventSource.{state}"
        wait_until(partial(page.evaluate, is_in_state), f"{state} events")


def test_without_a_script_the_page_is_whole(
    running: Station, open_page: Callable[..., Page]
) -> None:
    wait_until(lambda: sum(newest(running, "daily")["curve_samples"]) > 0, "a curve")
    page = open_page(script=False)
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("#curve .line")).to_have_attribute("d", re.compile("^M"))
    assert "Reload" in page.content()
