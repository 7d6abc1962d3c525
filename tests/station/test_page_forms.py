"""First start, settings and their conflicts, the daemon's switch and the log, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

import pegel
from helpers.programs import WATCHDOG, wait_until
from helpers.station import HM600, HM1200, change, log_has, newest, reader, start_daemon, stop
from temporary import Station, configure, padded


def test_the_whole_first_start(station: Station, open_page: Callable[..., Page]) -> None:
    station.start_pages()
    page = open_page(timezone_id="Europe/Berlin")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page.locator("#state-text")).to_have_text("Not configured")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    assert sorted(pegel.boards(station.boards)) == ["config", "service"]
    # Now the others come, to boards that the page has made.
    station.start_simulator()
    station.start_launcher()
    start = page.get_by_role("button", name="Save and start the daemon")
    page.get_by_label("Serial number").fill("1141")
    start.click()
    expect(page.locator("#serial-0-error")).to_contain_text("12 digits")
    page.get_by_label("Serial number").fill(HM600)
    page.get_by_label("Name").fill("Garage")
    page.get_by_label("Latitude").fill("52.5")
    page.get_by_label("Longitude").fill("13.4")
    start.click()
    expect(page.locator("#state-text")).to_have_text("Live")
    expect(page.locator("[data-name=power]")).to_have_text(re.compile(r"\d"))
    expect(page.get_by_role("heading", name=re.compile("Garage"))).to_be_visible()
    config = newest(station, "config")
    assert config["serial"] == (HM600, "", "", "")
    assert (config["latitude"], config["longitude"]) == (52.5, 13.4)
    assert config["timezone"] == "Europe/Berlin"
    assert newest(station, "service")["running"] is True


def test_the_daemon_may_come_before_the_pages(
    running: Station, open_page: Callable[..., Page]
) -> None:
    expect(open_page().locator("#state-text")).to_have_text("Live")


def test_the_form_saves_and_the_daemon_obeys(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page("settings")
    page.get_by_label("Poll every").fill("0,2")
    page.get_by_label("Rated power").first.fill("350.5")
    page.get_by_label("Latitude").fill("")
    page.get_by_label("Pause at night").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")
    expect(page.get_by_label("Poll every")).to_have_value("0.2")
    expect(page.get_by_label("Pause at night")).not_to_be_checked()
    saved = newest(running, "config")
    assert (saved["interval"], saved["latitude"]) == (0.2, None)
    assert saved["rated_power"] == (350.5, 405.0, 405.0, 405.0)
    assert saved["night_pause"] is False
    wait_until(log_has(running, "every 0.2 s"), "the daemon has the settings")


def test_what_is_saved_is_on_the_disk(station: Station, open_page: Callable[..., Page]) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    page = open_page("settings")
    page.get_by_label("Poll every").fill("9")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")
    # As a power failure does.
    for file in station.boards.glob("pegel.config*"):
        file.unlink()
    page.goto(f"{station.address}settings")
    expect(page.get_by_label("Poll every")).to_have_value("9")
    # Where it cannot be, nobody says that it is.
    station.durable.rename(station.directory / "unplugged")
    page.get_by_label("Poll every").fill("10")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body")).to_contain_text("durable")
    expect(page.locator("body")).not_to_contain_text("Saved")


def test_a_form_has_what_the_board_says(station: Station, open_page: Callable[..., Page]) -> None:
    """Each field with its own label, and every input with one."""
    configure(station, serial=padded(HM600))
    station.start_pages()
    for path, board in (("settings", "config"), ("control", "control")):
        if board == "control":
            change(station, "control", target=1.0)
        page = open_page(path)
        for name, field in pegel.Reader(station.boards / board).fields.items():
            for index in range(field.count):
                one = name if field.count == 1 else f"{name}-{index}"
                inputs = page.locator(f"[name='{one}']")
                assert inputs.count() >= 1, one
                text = inputs.first.evaluate(
                    "e => (e.closest('fieldset.choices') ?? e.closest('.input')).textContent"
                )
                assert field.label in text
                if field.max is not None:
                    assert f"{field.min:.9g} to {field.max:.9g}" in text
        unlabelled = (
            "[...document.querySelectorAll('input:not([type=hidden])')].filter(i => !i.labels[0])"
        )
        assert page.evaluate(f"{unlabelled}.length") == 0


@pytest.mark.parametrize(
    ("label", "wrong", "reason"),
    [
        ("Poll every", "0", "a number from 0.1 to 3600 s"),
        ("Poll every", "often", "a number from 0.1 to 3600 s"),
        ("Poll every", "1e999", "a number from 0.1 to 3600 s"),
        ("Poll every", "<b>", "a number from 0.1 to 3600 s"),
        ("Latitude", "90.1", "a number from -90 to 90"),
        ("Time zone", "Mars/Olympus", "a time zone such as Europe/Berlin"),
        ("Name", "x" * 25, "at most 24 bytes"),
        ("Serial number", "123412345678", "12 digits"),
    ],
)
def test_what_cannot_be_is_not_saved_and_stays_in_the_form(
    station: Station, open_page: Callable[..., Page], label: str, wrong: str, reason: str
) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    page = open_page("settings")
    field = page.get_by_label(label).first
    field.fill(wrong)
    page.get_by_label("Lowest grid voltage").fill("200")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error")).to_contain_text(reason)
    expect(page.get_by_label(label).first).to_have_value(wrong)
    expect(page.get_by_label(label).first).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Lowest grid voltage")).to_have_value("200")
    assert pegel.Reader(station.boards / "config").sequence == 2


def test_one_inverter_in_two_places_is_not_saved(
    station: Station, open_page: Callable[..., Page]
) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    page = open_page("settings")
    page.get_by_label("Serial number").nth(2).fill(HM600)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#serial-2-error")).to_contain_text("already configured")


@pytest.mark.parametrize("script", [True, False])
def test_the_second_of_two_saves_is_told_and_loses_nothing(
    station: Station, open_page: Callable[..., Page], script: bool
) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    first, second = (open_page("settings", script=script) for _ in range(2))
    first.get_by_label("Poll every").fill("7")
    second.get_by_label("Poll every").fill("9")
    second.get_by_label("Name").first.fill("Roof")
    first.get_by_role("button", name="Save").click()
    expect(first.locator("main > .notice")).to_contain_text("Saved")

    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Not saved")
    row = second.locator("[data-differs=interval]")
    expect(row).to_contain_text("Poll every")
    assert row.locator("td").all_inner_texts() == ["7 s", "9 s"]
    assert second.locator("[data-differs=name-0] td").all_inner_texts() == ["\u2013", "Roof"]
    expect(second.locator("[data-differs]")).to_have_count(2)
    expect(second.get_by_label("Poll every")).to_have_value("9")
    assert newest(station, "config")["interval"] == 7.0

    second.get_by_role("button", name="Save").click()
    expect(second.locator("main > .notice")).to_contain_text("Saved")
    saved = newest(station, "config")
    assert (saved["interval"], saved["name"][0]) == (9.0, "Roof")


def test_settings_that_another_program_holds_are_not_saved_and_stay_in_the_form(
    station: Station, open_page: Callable[..., Page]
) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    page = open_page("settings")
    page.get_by_label("Poll every").fill("9")
    with pegel.Writer.open(station.boards / "config", timeout=WATCHDOG):
        page.get_by_role("button", name="Save").click()
        expect(page.locator("main > .notice")).to_contain_text("Not saved")
        expect(page.get_by_label("Poll every")).to_have_value("9")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")


def test_the_switch_starts_and_stops_the_daemon(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page, inverter = open_page("daemon"), reader(running, f"inverter-{HM600}")
    start, stop_ = (page.get_by_role("button", name=name) for name in ("Start", "Stop"))
    expect(start).to_be_disabled()
    stop_.click()
    expect(page.locator("#state-text")).to_have_text("Daemon stopped")
    expect(stop_).to_be_disabled()
    expect(page.locator("#daemon")).to_contain_text("exited with status 0")
    assert not inverter.writer_alive
    last = inverter.sequence
    start.click()
    expect(page.locator("#state-text")).to_have_text("Live")
    inverter.wait(last, WATCHDOG)
    expect(page.locator("#daemon")).to_contain_text("keeps the daemon running")


def test_the_daemon_page_shows_lost_frames_and_the_sun(
    running: Station, open_page: Callable[..., Page]
) -> None:
    change(running, "faults", loss=0.3)
    wait_until(lambda: newest(running, "daemon")["retries"][0] > 5, "lost frames")
    page = open_page("daemon")
    again = page.locator(f'[data-name="{HM600}-retries"]')
    expect(again).to_have_text(re.compile(r"^[1-9]"))
    expect(again).not_to_have_text(again.inner_text())
    expect(page.locator("#daemon")).to_contain_text("Next sunset21:32")
    stop(running, "launcher")
    expect(page.locator("#daemon")).to_contain_text("the daemon cannot be started")


def test_the_log_follows_filters_and_is_downloaded(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page("log")
    lines = page.locator("#lines li")
    expect(lines.first).to_contain_text("INFO started")
    change(running, "faults", radio_unplugged=True)
    # It comes by itself, and those before it stay.
    expect(page.locator("#lines .warning").first).to_contain_text("WARNING")
    expect(lines.first).to_contain_text("INFO started")
    page.get_by_label("Level").select_option("warnings")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#lines .info")).to_have_count(0)
    expect(lines.first).to_have_class("warning")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    text = download.value.path().read_text()
    assert "INFO started" in text
    assert running.log.read_text().startswith(text)


@pytest.mark.long
def test_the_log_goes_on_when_it_is_begun_anew(
    station: Station, open_page: Callable[..., Page]
) -> None:
    configure(station, serial=padded(HM1200), interval=0.1)
    station.start_simulator("--inverter", HM1200)
    station.start_pages()
    start_daemon(station, "--verbose", "--log-size", "4000")
    reader(station, f"inverter-{HM1200}").wait(0, WATCHDOG)
    # Readings are logged at debug level, in lines that continue the one before.
    page = open_page("log")
    wait_until(station.log.with_name("station.log.2").exists, "two older files")
    sequence = reader(station, f"inverter-{HM1200}").sequence
    change(station, "config", timezone="Asia/Tokyo")
    wait_until(log_has(station, "configuration 3"), "a line")
    expect(page.locator("#lines")).to_contain_text("configuration 3")
    assert sequence > 0


def test_without_a_log_the_page_says_so(station: Station, open_page: Callable[..., Page]) -> None:
    configure(station, serial=padded(HM600))
    station.start_pages()
    expect(open_page("log").locator("main")).to_contain_text("No log yet")
