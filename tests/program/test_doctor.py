"""`pegel doctor` finds what is wrong, and says what to do."""

import json
import os
import shlex
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

import pegel
from helpers.programs import built, environment, run
from php.site import Fpm, Site, fpm, scope

IS_ROOT = os.geteuid() == 0
# A mount that only this process and its children see, and that ends with them.
PRIVATE_MOUNTS = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]


@dataclass
class Finding:
    subject: str
    status: str
    message: str
    fix: str | None


def doctor(
    boards: Path, *arguments: str, prefix: tuple[str, ...] = ()
) -> tuple[int, dict[str, Finding]]:
    """The exit status and the findings; of several about one thing, the last."""
    command = [*prefix, str(built("target/release/pegel")), "doctor", "--json", *arguments]
    done = run(command, environment(boards))
    findings = [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
    wrong = [finding for finding in findings if finding.status == "problem"]
    assert done.returncode == (1 if wrong else 0), done.stderr
    return done.returncode, {finding.subject: finding for finding in findings}


def test_nothing_is_wrong(tmp_path: Path) -> None:
    with pegel.Writer(tmp_path / "tank", level=pegel.f64("m")) as writer:
        writer.publish(level=1)
        status, findings = doctor(tmp_path)
        assert status == 0
        assert "writer alive" in findings["board tank"].message
    _, findings = doctor(tmp_path)
    assert "no writer now" in findings["board tank"].message
    assert findings["rights"].status == findings["/proc"].status == "ok"


def test_boards_that_are_damaged_empty_or_left(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "fresh", level=pegel.f64("m")).close()
    (tmp_path / "pegel.broken").write_text("no board")
    (tmp_path / "pegel.left.lock").touch()
    status, findings = doctor(tmp_path)
    assert status == 1
    assert findings["board broken"].status == "problem"
    assert "replace it by creating it anew" in findings["board broken"].message
    assert findings["board fresh"].status == "note"
    assert findings["board fresh"].fix == "start its writer"
    assert "pegel.left.lock" in findings["leftovers"].message


def test_directories(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert "mkdir -p" in (doctor(missing)[1][str(missing)].fix or "")
    tmp_path.chmod(0o777)
    status, findings = doctor(tmp_path)
    assert (status, findings["sharing"].fix) == (1, f"chmod o-w {tmp_path}")
    tmp_path.chmod(0o1777)
    fix = doctor(tmp_path)[1]["sharing"].fix or ""
    assert "install -d -g GROUP" in fix
    assert "docs/sharing.md" in fix
    tmp_path.chmod(0o770)
    assert doctor(tmp_path)[1]["sharing"].fix == f"chmod g+s {tmp_path}; see docs/sharing.md"
    tmp_path.chmod(0o2770)
    assert doctor(tmp_path)[1]["sharing"].status == "ok"


@pytest.mark.parametrize("parent", ["/tmp", "/var/tmp", "/dev/shm"])
def test_directories_that_are_cleaned_by_age(parent: str) -> None:
    with tempfile.TemporaryDirectory(dir=parent) as directory:
        finding = doctor(Path(directory))[1].get("tmpfiles")
    if parent == "/dev/shm":
        assert finding is None
    else:
        assert finding
        assert (finding.status, f"below {parent} " in finding.message) == ("note", True)
        assert "docs/sharing.md" in (finding.fix or "")


def within(script: str) -> tuple[str, ...]:
    return (*PRIVATE_MOUNTS, "sh", "-ec", f'{script}\nexec "$@"', "sh")


def test_a_full_memory(tmp_path: Path) -> None:
    full = f"""
        mount -t tmpfs -o size=64k pegel {shlex.quote(str(tmp_path))}
        ! dd if=/dev/zero of={shlex.quote(str(tmp_path))}/filler bs=1k status=none 2>/dev/null"""
    status, findings = doctor(tmp_path, prefix=within(full))
    assert (status, findings[str(tmp_path)].status) == (1, "problem")
    assert "remount,size=" in (findings[str(tmp_path)].fix or "")


@pytest.mark.parametrize(("setting", "state"), [("", "note"), ("RemoveIPC = no", "ok")])
def test_what_systemd_does_at_logout(setting: str, state: str) -> None:
    systemd = f"""
        mount -t tmpfs pegel /run
        mkdir -p /run/systemd/system /run/systemd/logind.conf.d
        printf '[Login]\\n%s\\n' {shlex.quote(setting)} > /run/systemd/logind.conf.d/ours.conf"""
    if not IS_ROOT:
        state = "problem" if state == "note" else state
    findings = doctor(Path("/dev/shm"), prefix=within(systemd))[1]
    assert findings["RemoveIPC"].status == state


def of_php(site: Site, php: Fpm | None, *arguments: str) -> dict[str, Finding]:
    address = ["--fpm", str(php.socket)] if php else []
    package = ["--package", str(site.package)]
    return doctor(site.boards, "--php", *package, *address, *arguments)[1]


def enabled(site: Site) -> AbstractContextManager[Fpm]:
    return fpm(site, ["-d", "ffi.enable=1"])


def disabled(site: Site) -> AbstractContextManager[Fpm]:
    return fpm(site, ["-d", "ffi.enable=0"])


@pytest.mark.parametrize(
    ("place", "message", "remedy"),
    [
        (scope, "by the tier scope", "anew; opcache.preload="),
        (enabled, "by the tier cdef", "ffi.preload binds it once"),
        (disabled, "by the tier files, but cannot write", "opcache.preload="),
    ],
)
def test_php_says_how_it_reaches_boards(
    site: Site, place: Callable[[Site], AbstractContextManager[Fpm]], message: str, remedy: str
) -> None:
    with place(site) as php:
        command = [str(built("target/release/pegel")), "doctor", "--php", "--fpm", str(php.socket)]
        done = run([*command, "--package", str(site.package)], environment(site.boards))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if f"php-fpm at {php.socket}" in line]
    assert message in lines[0]
    after = done.stdout.splitlines()[done.stdout.splitlines().index(lines[0]) + 1]
    assert after.startswith("        -> ")
    assert remedy in after
    # The CLI needs nothing more.
    assert "ok      php: it reads and writes" in done.stdout


def test_php_that_cannot_run_the_package(site: Site) -> None:
    site.package.chmod(0o700)
    with enabled(site) as php:
        finding = of_php(site, php)[f"php-fpm at {php.socket}"]
    assert finding.status == "problem"
    assert "make the package readable for its user" in (finding.fix or "")


def test_php_with_other_boards(site: Site) -> None:
    site.environment["PEGEL_DIR"] = "/dev/shm"
    with enabled(site) as php:
        finding = of_php(site, php)[f"php-fpm at {php.socket}"]
    assert finding.status == "note"
    assert f"env[PEGEL_DIR] = {site.boards}" in (finding.fix or "")


def test_php_that_may_not_look_into_the_directory(site: Site) -> None:
    os.chown(site.boards, 0, 0)
    with enabled(site) as php:
        finding = of_php(site, php)[f"php-fpm at {php.socket}"]
    assert (finding.status, "cannot list" in finding.message) == ("problem", True)


def test_php_that_is_not_there(site: Site) -> None:
    for address in (f"{site.directory}/nothing.sock", "127.0.0.1:1"):
        findings = of_php(site, None, "--fpm", address)
        finding = findings[f"php-fpm at {address}"]
        units = [unit.stem for unit in Path("/usr/lib/systemd/system").glob("php*fpm.service")]
        assert finding.status == "problem"
        assert finding.fix == f"systemctl start {' or '.join(sorted(units))}"
    status, findings = doctor(site.boards, "--php", "--package", str(site.directory))
    assert (status, findings["PHP"].status) == (1, "problem")
