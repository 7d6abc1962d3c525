"""Commands from a page to an inverter and back, and the controller's form, in a real browser."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from helpers.programs import WATCHDOG, wait_until
from helpers.station import HM600, HM1200, change, newest, paused, reader, start
from temporary import Station


def test_a_limit_goes_there_and_back(station: Station, open_page: Callable[..., Page]) -> None:
    # A patient daemon goes on waiting while the inverter is stopped, which must not happen during a
    # poll; and as time goes by faster, the inverter comes to its limit within a second.
    start(station, HM600, speed=60, interval=3600.0, answer_time=WATCHDOG)
    station.start_pages()
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    page = open_page("control")
    page.get_by_label("Limit to").fill("150")
    with paused(station, "simulator"):
        page.get_by_role("button", name="Limit", exact=True).click()
        row = page.locator("#commands tr").first
        expect(row).to_have_attribute("data-stage", "accepted")
        expect(row).to_contain_text("accepted by the daemon")
    # Without loading the page again.
    expect(row).to_have_attribute("data-stage", "confirmed")
    expect(row).to_contain_text("confirmed by the inverter")
    expect(row).to_contain_text("limit 150W")
    change(station, "config", interval=6.0)
    inverter = reader(station, f"inverter-{HM600}")
    wait_until(lambda: inverter.read()["limit"] == 150.0, "the limit")
    wait_until(lambda: inverter.read()["ac_power"] <= 150.5, "less power")


def test_percent_permanent_off_on_and_restart(
    running: Station, open_page: Callable[..., Page]
) -> None:
    page = open_page("control", size=(390, 844))
    page.get_by_label("Limit to").fill("50")
    page.get_by_label("Unit").select_option("%")
    page.get_by_label("Keep after a restart of the inverter").check()
    page.get_by_role("button", name="Limit", exact=True).click()
    first = page.locator("#commands tr").first
    expect(first).to_contain_text("limit 50%")
    expect(first).to_have_attribute("data-stage", "confirmed")
    command = newest(running, "commands")
    assert (command["relative"], command["permanent"], command["sender"]) == (True, True, "page")
    for asked, done in (("Switch off …", "Switch off"), ("Restart …", "Restart")):
        page.get_by_text(asked).click()
        page.get_by_role("button", name=done, exact=True).click()
        expect(first).to_contain_text(done.removeprefix("Switch ").lower())
        expect(first).to_have_attribute("data-stage", "confirmed")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#commands tr")).to_have_count(4)
    # It may be starting anew still: then that is what the page says.
    expect(first).to_have_attribute("data-stage", re.compile("confirmed|refused"))


def test_what_is_refused_says_why(running: Station, open_page: Callable[..., Page]) -> None:
    page = open_page("control")
    limit, send = (
        page.get_by_label("Limit to"),
        page.get_by_role("button", name="Limit", exact=True),
    )
    for wrong in ("601", "-1", "much"):
        limit.fill(wrong)
        send.click()
        expect(page.locator("main > .notice")).to_contain_text("a number from 0 to 600 W")
    assert newest(running, "commands").is_default
    change(running, "faults", night=True)
    limit.fill("100")
    send.click()
    row = page.locator("#commands tr").first
    expect(row).to_have_attribute("data-stage", "refused")
    expect(row).to_contain_text("does not answer")
    change(running, "service", running=False)
    wait_until(lambda: not reader(running, "answers").writer_alive, "the daemon's end")
    limit.fill("100")
    send.click()
    expect(page.locator("main > .notice")).to_contain_text("the daemon does not run")
    assert newest(running, "commands").sequence == 2


def test_the_controller_obeys_the_form_and_its_commands_are_shown(
    station: Station, open_page: Callable[..., Page]
) -> None:
    start(station, HM600, HM1200, name=("Garage", "House", "", ""))
    station.start_meter()
    station.start_controller()
    station.start_pages()
    reader(station, f"inverter-{HM1200}").wait(0, WATCHDOG)
    page = open_page("control")
    expect(page.locator("#controller")).to_contain_text("paused")
    page.get_by_label("manual", exact=True).check()
    page.get_by_label("Manual limit").fill("900")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main > .notice")).to_contain_text("Saved")
    expect(page.locator("#controller")).to_contain_text("manual")
    expect(page.locator("#commands [data-stage=confirmed]")).to_have_count(2)
    for text in ("Garage:", "House:", "limit 300W", "limit 600W", "controller"):
        expect(page.locator("#commands")).to_contain_text(text)
    page.get_by_label("Deadband").fill("-1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#deadband-error")).to_contain_text("a number from 0 to 10000 W")
    expect(page.get_by_label("manual", exact=True)).to_be_checked()


def test_two_users_of_the_controllers_form(
    station: Station, open_page: Callable[..., Page]
) -> None:
    start(station, HM600)
    station.start_pages()
    first, second = open_page("control"), open_page("control")
    first.get_by_label("automatic", exact=True).check()
    first.get_by_role("button", name="Save").click()
    expect(first.locator("main > .notice")).to_contain_text("Saved")
    second.get_by_label("Export target").fill("100")
    second.get_by_role("button", name="Save").click()
    row = second.locator("[data-differs=mode] td")
    expect(row.first).to_have_text("automatic")
    assert row.all_inner_texts() == ["automatic", "paused"]
