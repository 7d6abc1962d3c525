"""Every page in both languages, on a phone and on a desk, light and dark."""

import itertools
import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from helpers.programs import ROOT, WATCHDOG, run, wait_until
from helpers.station import HM600, HM1200, change, newest, reader, start
from temporary import Station

PAGES = ("", "settings", "control", "log", "daemon")
WORDS = {
    "en": ("Solar station", "Today", "Poll every", "Zero feed-in", "Follow", "Next sunrise"),
    "de": (
        "Solaranlage",
        "Heute",
        "Abfragen alle",
        "Nulleinspeisung",
        "Mitlaufen",
        "Sonnenaufgang",
    ),
}
CONTRAST = """
() => {
  const light = ([r, g, b]) => {
    const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map(c => linear(c / 255));
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const colours = text => text.match(/[\\d.]+/g).map(Number);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const colour = colours(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || box.width < 2 || !e.checkVisibility()) continue;
    if (e.closest('svg, :disabled, option, .skip')) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(colours(style.color).slice(0, 3)), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const isLarge = parseFloat(style.fontSize) >= 24;
    if (ratio >= (isLarge ? 3 : 4.5)) continue;
    poor.push(`${e.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


@pytest.fixture
def full(station: Station) -> Station:
    """A station with all that there is to see."""
    start(station, HM600, HM1200, name=("Garage", "House", "", ""), launcher=True)
    station.start_meter()
    station.start_controller()
    change(station, "control", mode="manual", manual_limit=600.0)
    station.start_pages()
    reader(station, f"inverter-{HM1200}").wait(0, WATCHDOG)
    wait_until(lambda: newest(station, "controller")["commands"] >= 2, "commands")
    return station


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize(
    ("size", "scheme"), [((360, 740), "light"), ((390, 844), "dark"), ((1280, 900), "light")]
)
def test_every_page(
    full: Station,
    open_page: Callable[..., Page],
    locale: str,
    size: tuple[int, int],
    scheme: str,
) -> None:
    seen = ""
    for path in PAGES:
        page = open_page(path, size=size, locale=locale, color_scheme=scheme)
        assert page.evaluate("document.documentElement.lang") == locale
        expect(page.locator("#state-text")).to_have_text("Live")
        for details in page.locator("details").all():
            details.evaluate("e => { e.open = true }")
        # Nothing sticks out.
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
        assert page.evaluate(CONTRAST) == [], path
        names = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, button, meter')]"
            ".filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).length"
        )
        assert names == 0, path
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids)), path
        levels = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))"
        )
        assert all(later - former <= 1 for former, later in itertools.pairwise(levels))
        seen += page.locator("body").inner_text()
    assert [word for word in WORDS[locale] if word not in seen] == []
    marks = r"\d\.\d{3},\d" if locale == "de" else r"\d,\d{3}\.\d"
    assert re.search(marks, seen)


def test_the_keyboard_reaches_everything(full: Station, open_page: Callable[..., Page]) -> None:
    page = open_page("control")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    wanted = page.evaluate(
        "[...document.querySelectorAll("
        "'a, button, select, summary, input:not([type=hidden], [type=radio])')]"
        ".filter(e => e.checkVisibility() && !e.disabled).map(e => e.outerHTML.slice(0, 120))"
    )
    assert [one for one in wanted if one not in reached and "skip" not in one] == []
    # What has the focus can be seen.
    page.locator("nav a").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.8,de;q=0.7", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("*;q=x,,;;", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes(header: str, language: str) -> None:
    script = (
        "require 'station/web/src/Texts.php';echo Station\\Texts::accepted($argv[1])->language;"
    )
    done = run(["php", "-r", script, "--", header], directory=ROOT)
    assert (done.stdout, done.stderr) == (language, "")


def test_both_languages_say_everything_and_all_that_boards_say() -> None:
    script = (
        "foreach (['en', 'de'] as $l) { $t[$l] = require \"station/web/texts/$l.php\"; }"
        "$own = fn ($t) => array_filter(array_keys($t), fn ($k) => !str_starts_with($k, 'of '));"
        "$missing = array_keys(array_diff_key($t['en'], $t['de']));"
        "echo json_encode([$own($t['en']) == $own($t['de']), $missing, array_keys($t['de'])]);"
    )
    done = run(["php", "-r", script], directory=ROOT)
    is_same, missing, german = json.loads(done.stdout)
    assert is_same
    assert missing == []
    described = json.loads((ROOT / "station/boards.json").read_text())
    texts = [
        text
        for board in ("config", "control")
        for field in described[board]["fields"].values()
        for text in (field["label"], field.get("description"))
        if text
    ]
    assert [text for text in texts if f"of {text}" not in german] == []
