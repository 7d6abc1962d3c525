"""What hosts forbid PHP, and what it lacks: it works, or an exception names the fix."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from helpers.programs import ROOT, WATCHDOG, run
from php.site import Fpm, Site, fpm, scope

# The functions that web hosts disable.
USUAL = (
    "exec,passthru,shell_exec,system,proc_open,popen,dl,link,symlink,readlink,chgrp,chown,chmod,"
    "ini_set,ini_restore,set_time_limit,show_source,phpinfo,getmypid,get_current_user,"
    "disk_free_space,opcache_get_status,fsockopen,putenv"
)
TANK = {"level": pegel.f64("m"), "note": pegel.text(24)}
FFI = ["-d", "ffi.enable=1"]
NO_FFI = ["-d", "ffi.enable=0"]


def make_board(site: Site) -> Path:
    """A board that the workers can read and write."""
    with pegel.Writer(site.boards / "roof", TANK, mode=0o660) as writer:
        writer.publish(level=1, note="")
    path = site.boards / "pegel.roof"
    if site.worker:
        for file in site.boards.iterdir():
            os.chown(file, *owner(site))
    return path


def owner(site: Site) -> tuple[int, int]:
    status = site.boards.stat()
    return status.st_uid, status.st_gid


def works(php: Fpm) -> None:
    assert php.ask("do=read")["sequence"] == 1
    assert php.ask("do=write&level=2") == 2
    assert php.ask("do=read")["values"]["level"] == 2.0


def refuses(php: Fpm, query: str, exception: str, *parts: str) -> None:
    thrown, message = php.ask(query)
    assert thrown == f"Pegel\\{exception}", message
    for part in parts:
        assert part in message


def basedir(site: Site) -> str:
    return f"php_admin_value[open_basedir] = {site.page}:{site.package}"


@pytest.mark.parametrize("settings", [FFI, []])
def test_an_open_basedir_does_not_matter_to_the_library(site: Site, settings: list[str]) -> None:
    make_board(site)
    preload = [] if settings else site.ffi_preload()
    with fpm(site, [*FFI, *preload], basedir(site)) as php:
        works(php)


def test_an_open_basedir_hides_files(site: Site) -> None:
    make_board(site)
    with fpm(site, NO_FFI, basedir(site)) as php:
        refuses(php, "do=read", "Denied", "open_basedir", f"Add {site.boards} to it")
    with fpm(site, NO_FFI, f"{basedir(site)}:{site.boards}") as php:
        # Of /proc, which it has not, everything but the writer's life is done without.
        refuses(php, "do=read", "Unavailable", "/proc/locks", "open_basedir")
    with fpm(site, NO_FFI, f"{basedir(site)}:{site.boards}:/proc") as php:
        assert php.ask("do=read")["sequence"] == 1


@pytest.mark.parametrize("settings", [FFI, NO_FFI])
def test_what_hosts_usually_disable_is_not_needed(site: Site, settings: list[str]) -> None:
    make_board(site)
    with fpm(site, [*settings, "-d", f"disable_functions={USUAL}"]) as php:
        if settings is FFI:
            works(php)
        else:
            assert php.ask("do=read")["sequence"] == 1


@pytest.mark.parametrize("function", ["ini_get", "register_shutdown_function"])
def test_a_disabled_function_that_ffi_needs_is_named(site: Site, function: str) -> None:
    make_board(site)
    with fpm(site, [*FFI, "-d", f"disable_functions={function}"]) as php:
        # The files will do.
        assert php.ask("do=read")["sequence"] == 1
        refuses(php, "do=write&level=2", "Unavailable", function, "disable_functions")


def test_a_disabled_function_that_files_need_is_named(site: Site) -> None:
    make_board(site)
    with fpm(site, [*NO_FFI, "-d", "disable_functions=microtime"]) as php:
        refuses(php, "do=read", "Unavailable", "microtime", "disable_functions")
    with fpm(site, [*NO_FFI, "-d", "disable_functions=fopen"]) as php:
        refuses(php, "do=read", "Unavailable", "fopen", "disable_functions", "or enable FFI")


def test_a_disabled_class_is_named(site: Site) -> None:
    make_board(site)
    settings = [*FFI, "-d", "disable_classes=FFI"]
    bare = run(["php", *settings, "-r", "FFI::cdef('');"])
    if bare.returncode != 255:
        # Without Pegel, too, PHP 8.4 crashes at this setting, and PHP 8.5 does not know it.
        assert bare.returncode in (-signal.SIGSEGV, 0)
        return
    with fpm(site, settings) as php:
        assert php.ask("do=read")["sequence"] == 1
        refuses(php, "do=write&level=2", "Unavailable", "Remove FFI from disable_classes")


@pytest.mark.parametrize("settings", [FFI, NO_FFI])
def test_a_board_without_permission(site: Site, settings: list[str]) -> None:
    path = make_board(site)
    os.chown(path, 0, 0)
    path.chmod(0o600)
    with fpm(site, settings) as php:
        refuses(php, "do=read", "Denied", str(path), "Check owner, group and mode")


@pytest.mark.parametrize("settings", [FFI, NO_FFI])
def test_no_directory(site: Site, settings: list[str]) -> None:
    site.environment["PEGEL_DIR"] = "/nowhere"
    with fpm(site, settings) as php:
        refuses(php, "do=read", "NotFound", "/nowhere", "Create the directory, or mount it")


@pytest.mark.parametrize("settings", [FFI, NO_FFI])
def test_in_a_chroot(site: Site, settings: list[str]) -> None:
    """A chroot without /dev/shm and /proc."""
    if os.geteuid() != 0:
        pytest.fail("only root can have a pool with a chroot: run this as root")
    make_board(site)
    inside = {
        "PEGEL_PACKAGE": "/php-ffi",
        "PEGEL_LIBRARY": f"/{site.library.name}",
        "PEGEL_DIR": "/boards",
    }
    outside, site.environment = site.environment, inside
    chroot = f"chroot = {site.directory}"
    with fpm(site, settings, chroot) as php:
        php.environment["SCRIPT_FILENAME"] = "/page.php"
        if settings is FFI:
            works(php)
            refuses(php, "do=create&board=other", "System", "/proc is not mounted")
        else:
            refuses(php, "do=read", "Unavailable", "/proc/locks", "enable FFI")
    del inside["PEGEL_DIR"]
    with fpm(site, settings, chroot) as php:
        php.environment["SCRIPT_FILENAME"] = "/page.php"
        refuses(php, "do=read", "NotFound", "/dev/shm", "chroot or container")
    site.environment = outside


def test_a_library_that_is_not_there(site: Site) -> None:
    make_board(site)
    site.environment["PEGEL_LIBRARY"] = "/nowhere/libpegel.so"
    with fpm(site, FFI) as php:
        for query in ("do=read", "do=write&level=2"):
            refuses(php, query, "Unavailable", "/nowhere/libpegel.so", "set PEGEL_LIBRARY")


@pytest.mark.parametrize("place", [scope, lambda site: fpm(site, FFI)])
def test_a_library_of_another_abi(site: Site, place: Callable[[Site], object]) -> None:
    header = (ROOT / "include/pegel.h").read_text()
    names = set(re.findall(r"\b(pegel_\w+)\(", header)) - {"pegel_abi_version", "pegel_version"}
    stub = site.directory / "stub.c"
    functions = [f"int {name}(void) {{ return 50; }}" for name in sorted(names)]
    stub.write_text(
        "unsigned pegel_abi_version(void) { return 99; }\n"
        'const char *pegel_version(void) { return "9.8.7"; }\n' + "\n".join(functions)
    )
    command = ["gcc", "-shared", "-fPIC", str(stub), "-o", str(site.library)]
    subprocess.run(command, check=True, timeout=WATCHDOG)
    with place(site) as php:  # type: ignore[attr-defined]
        for query in ("do=read", "do=write&level=2"):
            refuses(php, query, "Unsupported", "libpegel 9.8.7 has ABI 99", "Update the older")


def test_a_writer_without_ffi_names_what_to_install(tmp_path: Path) -> None:
    """`php -n` has no FFI at all, where `ffi.enable=0` has its classes."""
    script = f"""
        require '{ROOT}/php-ffi/autoload.php';
        try {{
            Pegel\\Writer::open('roof');
        }} catch (Pegel\\Unavailable $missing) {{
            echo $missing->getMessage();
        }}
    """
    done = run(["php", "-n", "-r", script], os.environ | {"PEGEL_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "extension=ffi" in done.stdout
