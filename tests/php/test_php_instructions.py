"""The instructions of a page that shows a record, by tier: they are the same in each run.

Each count is of PHP's user space, beyond the same page with constants. Valgrind counts them, while
php-cgi serves the page again and again, as one process.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from helpers.programs import ROOT, run
from php.site import Site, extension, tool

FEW, MANY = 20, 120
# What all tiers need, and nothing else of the machine's php.ini, such as the extension `pegel`.
PHP = ["-n", "-q", "-d", "zend_extension=opcache", "-d", "extension=ffi"]
# Otherwise, when opcache keeps a new file, and how often it checks one, depends on the time.
PHP += ["-d", "opcache.file_update_protection=0", "-d", "opcache.validate_timestamps=0"]
# php-fpm does not have the functions of pcntl, either.
PHP += ["-d", "disable_functions=pcntl_async_signals"]


def scope(site: Site) -> list[str]:
    return ["-d", "ffi.enable=1", *site.ffi_preload()]


def preloaded_scope(site: Site) -> list[str]:
    user = ["-d", "opcache.preload_user=root"] if os.geteuid() == 0 else []
    return [*scope(site), "-d", f"opcache.preload={site.package}/preload.php", *user]


def files(_site: Site) -> list[str]:
    return ["-d", "ffi.enable=0"]


def served(site: Site, settings: list[str], way: str, times: int) -> int:
    """How many instructions it takes to start PHP and to serve the page so many times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    page = site.directory / "bench/show.php"
    environment = os.environ | site.environment | {"QUERY_STRING": way}
    command += [tool("php-cgi"), *PHP, *settings, "-T", str(times), str(page)]
    done = run(command, environment)
    # A child that preloads for another user counts for itself, and ends first.
    found = re.findall(r"Collected : (\d+)", done.stderr)
    assert done.stdout.count('"note":"rising"') == times, done.stdout + done.stderr
    return int(found[-1])


def a_page(site: Site, settings: list[str], way: str) -> int:
    few, many = (served(site, settings, way, times) for times in (FEW, MANY))
    return round((many - few) / (MANY - FEW))


def native(_site: Site) -> list[str]:
    return extension()


def native_tier(_site: Site) -> list[str]:
    return ["-d", "pegel.classes=0", *extension()]


@pytest.mark.parametrize(
    ("settings", "way", "most"),
    [
        (scope, "pegel", 53_000),
        (preloaded_scope, "pegel", 46_000),
        (files, "pegel", 305_000),
        (native_tier, "pegel", 45_000),
        (native, "pegel", 7_000),
        (native, "classes", 3_500),
        (native, "function", 1_000),
    ],
)
def test_a_page_needs_few_instructions(
    site: Site, settings: Callable[[Site], list[str]], way: str, most: int
) -> None:
    publish(site)
    options = settings(site)
    own = a_page(site, options, way) - a_page(site, options, "constant")
    print(f"{settings.__name__}, {way}: {own} instructions")
    assert own <= most


def test_a_page_without_boards_needs_few_instructions_more(site: Site) -> None:
    publish(site)
    own = a_page(site, extension(), "constant") - a_page(site, [], "constant")
    print(f"without boards: {own} instructions")
    # Most of it is what PHP clears for each method of each class (memset).
    assert own <= 1_000


def publish(site: Site) -> None:
    """The pages, and the record that they show."""
    shutil.copytree(ROOT / "bench/php", site.directory / "bench")
    fields = {
        "power": pegel.f64("W"),
        "voltage": pegel.f64("V"),
        "current": pegel.f64("A"),
        "frequency": pegel.f64("Hz"),
        "total": pegel.u64("Wh"),
        "events": pegel.u32(),
        "on": pegel.bool_(),
        "note": pegel.text(211),
    }
    with pegel.Writer(Path(site.boards) / "probe", fields) as writer:
        writer.publish(
            power=371.5,
            voltage=231.25,
            current=1.625,
            frequency=50.0,
            total=12_345_678,
            events=70_000,
            on=True,
            note="rising",
        )
