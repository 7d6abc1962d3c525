"""The extension in php-fpm, under load and over many requests of one worker."""

import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

import pegel
from helpers.programs import ROOT, run
from php.fastcgi import Connection
from php.load import check_pages
from php.requests import held
from php.site import Site, extension, fpm
from php.torture import torture

JIT = [
    *("-d", "opcache.enable=1", "-d", "opcache.jit=tracing"),
    *("-d", "opcache.jit_buffer_size=16M", "-d", "opcache.jit_hot_func=2"),
    *("-d", "opcache.jit_hot_loop=2"),
]
SETTINGS = {
    "plain": [],
    "jit": JIT,
    "no cache": ["-d", "pegel.cache=0"],
    "small cache": ["-d", "pegel.cache_limit=4K"],
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_pages_show_what_is_current(site: Site, settings: list[str]) -> None:
    check_pages(torture(site, 3000, 1, *settings), 3000)


@pytest.mark.long
def test_pages_show_what_is_current_for_long(site: Site) -> None:
    check_pages(torture(site, 100_000, 1), 100_000)


@contextmanager
def worker(site: Site, page: str, *settings: str) -> Iterator[Connection]:
    """One worker with the extension, for requests of a page."""
    (site.directory / page).write_text((ROOT / "tests/php" / page).read_text())
    pool = ["php_admin_value[log_errors] = 0", "php_admin_value[apc.enabled] = 1"]
    with (
        fpm(site, [*extension(), *settings], *pool) as php,
        Connection(php.socket, site.directory / page) as connection,
    ):
        yield connection


def text(number: int) -> bytes:
    """A document with strings, arrays and numbers that are all its own."""
    entries = ",".join(
        f'{{"id":{number + entry},"name":"n{number + entry}"}}' for entry in range(50)
    )
    return f'{{"number":{number},"note":"{"x" * (number % 97)}","entries":[{entries}]}}'.encode()


def share(site: Site) -> None:
    """Lets the worker write the boards."""
    if site.worker:
        status = site.boards.stat()
        for file in site.boards.iterdir():
            os.chown(file, status.st_uid, status.st_gid)
            file.chmod(0o660)


ENDS = ["destructor", "shutdown", "session", "buffer", "fatal", "exception", "exit"]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_values_are_whole_until_a_request_is_over(
    site: Site, settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever reads, keeps and changes them, and however late."""
    # Memory that is freed changes at once.
    monkeypatch.setenv("MALLOC_PERTURB_", "165")
    with pegel.Writer(site.boards / "document", pegel.json(65536), mode=0o664) as writer:
        writer.publish_bytes(text(0))
    share(site)
    with worker(site, "hazards.php", *settings) as connection:
        for number, (end, turn) in enumerate(itertools.product(ENDS, range(9))):
            log = site.boards / "log"
            log.unlink(missing_ok=True)
            # A request that publishes has the document that others have read before.
            publishes = f"&publish={quote(text(number))}" if number % 3 == 0 else ""
            connection.ask(f"end={end}{publishes}")
            assert log.read_text().split("\n")[:-1] == ["changed", "whole", end], (end, turn)


def test_the_generated_header_is_that_of_the_stub() -> None:
    """`php-ext/arginfo` writes it; what it writes beside this hash depends on PHP's version."""
    stub = (ROOT / "php-ext/pegel.stub.php").read_bytes()
    header = (ROOT / "php-ext/src/pegel_arginfo.h").read_text()
    assert f"Stub hash: {hashlib.sha1(stub).hexdigest()} " in header


def test_the_extension_has_the_version_of_the_library() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert version
    code = "echo phpversion('pegel'), ' ', Pegel\\Native::version();"
    done = run(["php", *extension(), "-r", code])
    assert done.stdout == f"{version[1]} {version[1]}", done.stderr


def test_a_worker_holds_no_more_after_many_documents(site: Site) -> None:
    pages = 10_000
    with (
        pegel.Writer(site.boards / "document", pegel.json(65536), mode=0o664) as writer,
        # opcache takes 300 KiB of its own, once, after some seconds.
        worker(site, "hazards.php", "-d", "opcache.enable=0") as connection,
    ):
        early = None
        # Numbers with as many digits, so that documents do not grow.
        for number in range(30_000, 30_000 + pages):
            if number % 3 == 0:
                writer.publish_bytes(text(number))
            if number == 31_000:
                early = held(connection.ask("end=worker"))
            assert connection.ask("end=") == str(number - number % 3)
        late = held(connection.ask("end=worker"))
    assert early
    assert late.kilobytes - early.kilobytes <= 64
    assert (late.descriptors, late.maps) == (early.descriptors, early.maps)
