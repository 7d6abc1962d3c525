"""The PHP package where it is used: in the CLI and in php-fpm, under each setting of PHP's FFI."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from php_binding.php import Cli, Fpm, Php, Site, fpm, scope

NOTE = "Regen über Köln"


def preloaded(site: Site) -> AbstractContextManager[Fpm]:
    """PHP's default: only preloaded code may use FFI."""
    return fpm(site, ["-d", "ffi.enable=preload", *site.opcache_preload()])


def preloaded_scope(site: Site) -> AbstractContextManager[Fpm]:
    """PHP's default, with the header preloaded too, which is faster."""
    settings = [*site.ffi_preload(), *site.opcache_preload()]
    return fpm(site, ["-d", "ffi.enable=preload", *settings])


def enabled(site: Site) -> AbstractContextManager[Fpm]:
    """Nothing preloaded: each request binds the library."""
    return fpm(site, ["-d", "ffi.enable=1"])


def cli(site: Site) -> AbstractContextManager[Cli]:
    return nullcontext(Cli(site, []))


def cli_scope(site: Site) -> AbstractContextManager[Cli]:
    """The CLI of a machine whose php.ini preloads the header."""
    return nullcontext(Cli(site, site.ffi_preload()))


WORKERS = [scope, preloaded, preloaded_scope, enabled]


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


def test_says_what_to_set_when_ffi_is_restricted(site: Site) -> None:
    with fpm(site, ["-d", "ffi.enable=preload"]) as php:
        exception, message = php.ask("do=read")
    assert exception == "Pegel\\Unavailable"
    assert f"opcache.preload={site.package}/preload.php" in message


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
