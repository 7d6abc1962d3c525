"""The PHP package where it is used: in the CLI and in php-fpm, under each setting of PHP's FFI."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from helpers.programs import library
from php.site import Cli, Fpm, Php, Site, extension, fpm, scope

NOTE = "Regen über Köln"


def preloaded(site: Site) -> AbstractContextManager[Fpm]:
    """PHP's default: only preloaded code can use FFI."""
    return fpm(site, ["-d", "ffi.enable=preload", *site.opcache_preload()])


def preloaded_scope(site: Site) -> AbstractContextManager[Fpm]:
    """PHP's default, with the header preloaded too, which is faster."""
    settings = [*site.ffi_preload(), *site.opcache_preload()]
    return fpm(site, ["-d", "ffi.enable=preload", *settings])


def enabled(site: Site) -> AbstractContextManager[Fpm]:
    """Nothing preloaded: each request binds the library."""
    return fpm(site, ["-d", "ffi.enable=1"])


def enabled_in_words(site: Site) -> AbstractContextManager[Fpm]:
    """The setting of a pool."""
    return fpm(site, [], "php_admin_value[ffi.enable] = On")


def native(site: Site) -> AbstractContextManager[Fpm]:
    """PHP has the extension, and no FFI."""
    return fpm(site, ["-d", "ffi.enable=0", *extension()])


def native_tier(site: Site) -> AbstractContextManager[Fpm]:
    """As above, below the package's classes."""
    return fpm(site, ["-d", "ffi.enable=0", "-d", "pegel.classes=0", *extension()])


def cli(site: Site) -> AbstractContextManager[Cli]:
    return nullcontext(Cli(site, []))


def cli_scope(site: Site) -> AbstractContextManager[Cli]:
    """The CLI of a machine whose php.ini preloads the header."""
    return nullcontext(Cli(site, site.ffi_preload()))


WORKERS = [scope, preloaded, preloaded_scope, enabled, native, native_tier]


@pytest.mark.parametrize("place", [*WORKERS, cli, cli_scope])
def test_reads_and_writes(site: Site, place: Callable[[Site], AbstractContextManager[Php]]) -> None:
    with place(site) as php:
        assert php.ask("do=read")[0] == "Pegel\\NotFound"
        assert php.ask("do=create") == 0
        assert php.ask("do=read")[0] == "Pegel\\Unpublished"
        assert php.ask("do=write&level=3.21") == 1
        now = php.ask("do=read")
        assert now["values"] == {"level": 3.21, "note": NOTE}
        assert (now["sequence"], now["alive"]) == (1, False)
        later = php.ask("do=read")
        assert later["age"] > now["age"] > 0
        assert php.ask("do=raise") == 2
        assert php.ask("do=follow")["values"] == {"level": 4.21, "note": NOTE}


@pytest.mark.parametrize("place", WORKERS)
def test_waits_for_another_process(
    site: Site, place: Callable[[Site], AbstractContextManager[Php]]
) -> None:
    outside = Cli(site, [])
    with place(site) as php:
        php.ask("do=create")
        request = php.begin("do=wait&after=0")
        outside.ask("do=write&level=1")
        assert php.end(request) == 1


@pytest.mark.parametrize("place", [preloaded, preloaded_scope])
def test_only_the_package_may_use_ffi(
    site: Site, place: Callable[[Site], AbstractContextManager[Php]]
) -> None:
    with place(site) as php:
        php.ask("do=create")
        exception, message = php.ask("do=ffi")
        assert exception == "FFI\\Exception"
        assert "restricted" in message


def restricted(site: Site) -> AbstractContextManager[Fpm]:
    """PHP's default, and nothing preloaded: FFI refuses."""
    return fpm(site, ["-d", "ffi.enable=preload"])


def disabled(site: Site) -> AbstractContextManager[Fpm]:
    """The settings of web hosts."""
    return fpm(site, ["-d", "ffi.enable=0"])


@pytest.mark.parametrize("place", [restricted, disabled])
def test_reads_where_ffi_is_off_and_says_what_writing_needs(
    site: Site, place: Callable[[Site], AbstractContextManager[Fpm]]
) -> None:
    outside = Cli(site, [])
    with place(site) as php:
        assert php.ask("do=read")[0] == "Pegel\\NotFound"
    with enabled(site) as php:
        assert php.ask("do=create") == 0
    with place(site) as php:
        assert php.ask("do=read")[0] == "Pegel\\Unpublished"
        outside.ask("do=write&level=3.21")
        now = php.ask("do=read")
        assert now["values"] == {"level": 3.21, "note": NOTE}
        assert (now["sequence"], now["alive"]) == (1, False)
        assert php.ask("do=read")["age"] > now["age"] >= 0
        request = php.begin("do=wait&after=1")
        outside.ask("do=write&level=4.21")
        assert php.end(request) == 2
        assert php.ask("do=follow")["values"] == {"level": 4.21, "note": NOTE}
        for refused in ("do=create", "do=write&level=1", "do=raise"):
            exception, message = php.ask(refused)
            assert exception == "Pegel\\Unavailable"
            assert f"opcache.preload={site.package}/preload.php" in message
        # Nothing of a request stays in the worker.
        assert php.ask("do=remains") == [0, 0]


TIERS = [
    (scope, "scope", False, True),
    (preloaded_scope, "scope", True, True),
    (preloaded, "cdef", True, True),
    (enabled, "cdef", False, True),
    (enabled_in_words, "cdef", False, True),
    (cli, "cdef", False, True),
    (cli_scope, "scope", False, True),
    (restricted, "files", False, False),
    (disabled, "files", False, False),
]


@pytest.mark.parametrize(("place", "tier", "preloaded", "writes"), TIERS)
def test_describes_its_tier(
    site: Site,
    place: Callable[[Site], AbstractContextManager[Php]],
    tier: str,
    preloaded: bool,
    writes: bool,
) -> None:
    with place(site) as php:
        described = php.ask("do=describe")
    advice = described.pop("advice")
    assert described == {
        "tier": tier,
        "preloaded": preloaded,
        "reads": True,
        "writes": writes,
        "library": str(site.library),
        "version": "0.1.0" if writes else None,
        "abi": 1 if writes else None,
    }
    remedies = {
        "ffi.preload": tier == "cdef" and not isinstance(php, Cli),
        "opcache.preload=": not (preloaded or isinstance(php, Cli)) or not writes,
    }
    for remedy, helps in remedies.items():
        assert any(remedy in text for text in advice) == helps, advice


@pytest.mark.parametrize("place", [native, native_tier])
def test_describes_the_extension(
    site: Site, place: Callable[[Site], AbstractContextManager[Php]]
) -> None:
    with place(site) as php:
        described = php.ask("do=describe")
    assert described == {
        "tier": "extension",
        "preloaded": False,
        "reads": True,
        "writes": True,
        "library": str(library().resolve()),
        "version": "0.1.0",
        "abi": 1,
        "advice": [],
    }


@pytest.mark.parametrize("place", WORKERS)
def test_requests_leave_only_the_kept_board_in_the_worker(
    site: Site, place: Callable[[Site], AbstractContextManager[Fpm]]
) -> None:
    ends = {
        "exception": "nobody catches it",
        "memory": "Allowed memory size",
        "time": "Maximum execution time",
    }
    with place(site) as php:
        php.ask("do=create")
        php.ask("do=write&level=0")
        for sequence in range(2, 6):
            assert php.ask("do=raise") == sequence
            assert php.ask("do=read")["sequence"] == sequence
        # Its mapping and its descriptor, once, for the requests to come.
        assert php.ask("do=remains") == [1, 1]
        for end, message in ends.items():
            assert message in php.fail(f"do=take&end={end}")
            assert php.ask("do=remains") == [1, 1], end
        assert php.ask("do=take&end=exit") == "left"
        # The board is free again.
        assert php.ask("do=write&level=1") == 6
