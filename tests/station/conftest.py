"""A solar station for each test: installed in a directory of its own, started piece by piece."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from captures.capture import CAPTURES, Capture
from clock import Clock
from helpers.browser import PATIENCE
from helpers.browser import browser as browser
from helpers.programs import WATCHDOG
from helpers.station import HM600, HOUR, MIDSUMMER, PATIENT, reader, start
from temporary import Station, installed


@pytest.fixture
def station() -> Iterator[Station]:
    with installed() as station:
        # Else it would be night for those who test at night.
        station.clock = Clock.starting(MIDSUMMER + 11 * HOUR, 1.0)
        station.answer_time = PATIENT
        yield station


@pytest.fixture(params=CAPTURES, ids=lambda capture: capture.name)
def capture(request: pytest.FixtureRequest) -> Capture:
    """Recorded polls of an inverter."""
    capture: Capture = request.param
    # The summary of the run, in tests/conftest.py, counts these.
    request.node.user_properties.append(("capture", (capture.name, len(capture.polls()))))
    return capture


@pytest.fixture
def polls(capture: Capture) -> list[dict[str, Any]]:
    return capture.polls()


@pytest.fixture
def open_page(browser: Browser, station: Station) -> Iterator[Callable[..., Page]]:
    """Opens a page of the station in a browser of its own; errors in its script fail the test."""
    contexts = []
    errors: list[str] = []

    def opened(
        path: str = "",
        size: tuple[int, int] = (1280, 900),
        script: bool = True,
        locale: str = "en",
        **options: Any,
    ) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=script,
            locale=locale,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Such as what the policy of contents forbids; requests that fail are the tests' own.
        page.on(
            "console",
            lambda message: (
                errors.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )
        page.goto(station.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def running(station: Station) -> Station:
    """A station whose daemon polls ten times a second, with its pages."""
    start(station, HM600, launcher=True)
    station.start_pages()
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    return station
