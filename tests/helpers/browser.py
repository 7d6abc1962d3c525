"""A real browser, for tests of pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from helpers.programs import WATCHDOG

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
# Playwright counts in milliseconds.
PATIENCE = WATCHDOG * 1000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CLOSED_NETWORK, timeout=PATIENCE
        )
        yield browser
        browser.close()
