"""The Debian package beside a running PHP: installed, upgraded, removed in a copy of the system."""

import os
from pathlib import Path

import pytest

from programs import ROOT, run

PAGE = "page: level 3.25 preload /usr/share/pegel/preload.h dir /dev/shm/pegel"


@pytest.fixture(scope="module")
def packages() -> list[str]:
    """An earlier version and a later one."""
    if os.geteuid() != 0:
        pytest.fail("packages are installed by root alone: run this test as root")
    made = []
    for version in ("0.0.1", "999.0.0"):
        done = run([str(ROOT / "packaging/deb"), version], directory=ROOT)
        assert done.returncode == 0, done.stderr
        path = done.stdout.split("'")[3]
        made.append(str(ROOT / path))
    return made


def test_no_php_fails_to_start_while_the_package_comes_and_goes(packages: list[str]) -> None:
    scene = ["unshare", "--mount", "--propagation", "private"]
    done = run([*scene, str(ROOT / "tests/packaging/scene.sh"), *packages])
    program = run([str(ROOT / "target/release/pegel"), "--version"]).stdout.strip()
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (
        [
            "page: no package",
            f"installed: {program}",
            "directories: 2770 root pegel",
            PAGE,
            "upgraded: 999.0.0",
            PAGE,
            "removed: no preload",
            "page: no package",
            "starts 10",
            "left: ",
            "php-fpm runs",
        ],
        "",
        0,
    )
    for package in packages:
        Path(package).unlink()
