"""The page of `pegel serve` in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import pegel
from helpers.browser import PATIENCE
from helpers.browser import browser as browser
from helpers.http import Server, serving

UNKNOWN = "\u2013"
PHONE, DESK = (390, 844), (1280, 900)
FIELDS = {
    "level": pegel.f64("m", label="Level", min=0, max=5),
    "count": pegel.u64(),
    "rain": pegel.bool_(optional=True),
    "note": pegel.text(64),
}


@pytest.fixture
def tank(tmp_path: Path) -> Iterator[pegel.Writer]:
    with pegel.Writer(tmp_path / "tank", FIELDS) as writer:
        writer.publish(level=3.21, count=2**64 - 1, note="<b>rising</b>")
        yield writer


@pytest.fixture
def server(tank: pegel.Writer, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser of its own; errors and what its policy forbids fail the test."""
    contexts = []
    errors: list[str] = []

    def opened(size: tuple[int, int] = DESK, **options: Any) -> Page:
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text))
        page.goto(server.url)
        return page

    yield opened
    for context in contexts:
        context.close()
    # What is cut off complains of that.
    assert [error for error in errors if "ERR_" not in error] == []


def board(page: Page, name: str) -> Locator:
    return page.locator(f"[data-board={name}]")


def value(page: Page, name: str, field: str) -> Locator:
    return board(page, name).locator(f'[data-field="{field}"] .value')


def test_a_board_with_all_that_is_known_of_it(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect(page.locator("#state")).to_have_text("Live")
    shown = {"level": "3.21", "count": str(2**64 - 1), "rain": UNKNOWN, "note": "<b>rising</b>"}
    for field, text in shown.items():
        expect(value(page, "tank", field)).to_have_text(text)
    level = board(page, "tank").locator("[data-field=level]")
    expect(level.locator("th")).to_have_text("Level")
    expect(level.locator(".unit")).to_have_text("m")
    expect(level).to_have_attribute("title", "level, at least 0, at most 5")
    expect(board(page, "tank").locator(".writer")).to_have_text("writer alive")
    expect(board(page, "tank").locator(".sequence")).to_have_text("sequence 1")
    expect(board(page, "tank").locator(".age")).to_have_text(re.compile(r"^[1-9]\d* s old$"))


def test_what_changes_is_shown_and_marked(
    open_page: Callable[..., Page], tank: pegel.Writer
) -> None:
    page = open_page()
    page.evaluate("window.loadedOnce = true")
    level, note = value(page, "tank", "level"), value(page, "tank", "note")
    expect(level).to_have_text("3.21")
    for mark, number in (("0", 4.5), ("1", 4.75), ("0", 5.0)):
        tank.update(level=number)
        expect(level).to_have_text(f"{number:g}")
        expect(level).to_have_attribute("data-fresh", mark)
    assert level.evaluate("cell => getComputedStyle(cell).animationName").startswith("fresh-")
    assert note.get_attribute("data-fresh") is None
    assert page.evaluate("window.loadedOnce")


def test_writers_and_boards_that_come_and_go(
    open_page: Callable[..., Page], tank: pegel.Writer, tmp_path: Path
) -> None:
    page = open_page()
    expect(board(page, "tank").locator(".writer")).to_have_class("writer alive")
    tank.close()
    expect(board(page, "tank").locator(".writer")).to_have_text("no writer")
    pegel.Writer(tmp_path / "config", interval=pegel.f64("s", default=5)).close()
    expect(value(page, "config", "interval")).to_have_text("5")
    expect(board(page, "config").locator(".sequence")).to_have_text("defaults, never published")
    names = page.locator("article h2").all_text_contents()
    assert names == ["config", "tank"]
    # Another one of that name.
    pegel.Writer(tmp_path / "config", {"limit": pegel.f64("W", default=600)}, replace=True).close()
    expect(value(page, "config", "limit")).to_have_text("600")
    expect(value(page, "config", "interval")).to_have_count(0)
    for name in ("config", "tank"):
        pegel.unlink(tmp_path / name)
        expect(board(page, name)).to_have_count(0)
    expect(page.locator("#none")).to_be_visible()


def test_documents_and_boards_that_say_nothing(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    pegel.Writer(tmp_path / "fresh", level=pegel.f64("m")).close()
    (tmp_path / "pegel.broken").write_text("no board")
    with pegel.Writer(tmp_path / "ahoy", pegel.json(1024)) as writer:
        writer.publish({"inverters": [{"power": 21.8}, {"power": 0.5}], "on": True})
        page = open_page()
        expect(value(page, "ahoy", "inverters.0.power")).to_have_text("21.8")
        expect(value(page, "ahoy", "on")).to_have_text("true")
        writer.publish({"inverters": [{"power": 22.5}]})
        expect(value(page, "ahoy", "inverters.0.power")).to_have_text("22.5")
        expect(value(page, "ahoy", "on")).to_have_count(0)
    expect(board(page, "fresh").locator(".age")).to_have_text("nothing published yet")
    expect(board(page, "broken").get_by_role("alert")).to_contain_text("pegel.broken")


def test_a_page_that_loses_the_server_says_so_and_finds_it_again(
    open_page: Callable[..., Page], server: Server, tank: pegel.Writer, tmp_path: Path
) -> None:
    page = open_page()
    expect(page.locator("#state")).to_have_text("Live")
    server.kill()
    expect(page.locator("#state")).to_have_text("Cut off: trying again")
    tank.update(level=4.5)
    server.process = Server(tmp_path, listen=f"127.0.0.1:{server.port}").process
    expect(page.locator("#state")).to_have_text("Live")
    expect(value(page, "tank", "level")).to_have_text("4.5")


def test_a_page_that_nobody_looks_at_asks_for_nothing(
    open_page: Callable[..., Page], tank: pegel.Writer
) -> None:
    page = open_page()
    expect(page.locator("#state")).to_have_text("Live")
    for hidden, shown in ((True, "Paused"), (False, "Live")):
        page.evaluate(
            "value => Object.defineProperty(document, 'hidden', {value, configurable: true})",
            hidden,
        )
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#state")).to_have_text(shown)
    tank.update(level=4.5)
    expect(value(page, "tank", "level")).to_have_text("4.5")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_sticks_out_and_all_can_be_read(
    open_page: Callable[..., Page],
    tank: pegel.Writer,
    tmp_path: Path,
    size: tuple[int, int],
    scheme: str,
) -> None:
    tank.update(note="W" * 64)
    with pegel.Writer(tmp_path / ("x" * 64), {"y" * 31: pegel.u64("z" * 15)}) as writer:
        writer.publish({"y" * 31: 2**64 - 1})
        page = open_page(size, color_scheme=scheme)
        expect(value(page, "x" * 64, "y" * 31)).to_have_text(str(2**64 - 1))
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for selector in ("h2", "th[scope=row]", ".value", ".unit", ".writer", ".age"):
            shown = page.locator(f"[data-board=tank] {selector}").first.evaluate(CONTRAST)
            assert shown >= 4.5, (selector, shown)


# As WCAG 2.2 defines it.
CONTRAST = """element => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = getComputedStyle(element.closest("article")).backgroundColor;
  const pair = [light(getComputedStyle(element).color), light(ground)].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
}"""
