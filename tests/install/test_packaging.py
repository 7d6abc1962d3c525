"""The Debian package beside a running PHP: installed, upgraded, removed in a copy of the system."""

import os
from pathlib import Path

import pytest

from helpers.programs import ROOT, debian_package, run, run_scene

PAGE = "page: level 3.25 preload /usr/share/pegel/preload.h dir /dev/shm/pegel"


@pytest.mark.long
def test_no_php_fails_to_start_while_the_package_comes_and_goes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("packages are installed by root alone: run this test as root")
    packages = [str(debian_package(tmp_path, version)) for version in ("0.0.1", "999.0.0")]
    done = run_scene(
        ["--mount", "--propagation", "private"], "tests/install/packaging/scene.sh", *packages
    )
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
