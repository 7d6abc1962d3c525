"""The Debian package: what it contains, and beside a running PHP in a copy of the system."""

import json
import os
import re
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


def test_no_page_fails_while_the_extension_comes_and_goes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("packages are installed by root alone: run this test as root")
    packages = []
    for version in ("0.0.1", "999.0.0"):
        done = run([str(ROOT / "packaging/deb-php"), version, str(tmp_path)])
        assert done.returncode == 0, done.stderr
        [package] = tmp_path.glob(f"php*-pegel_{version}_*.deb")
        packages.append(str(package))
    assert run(["dpkg-deb", "-x", packages[0], str(tmp_path)]).returncode == 0
    [file] = tmp_path.glob("usr/lib/php/*/pegel.so")
    # Another libpegel in the same process is another library.
    symbols = run(["nm", "-D", "--defined-only", "--format=just-symbols", str(file)]).stdout
    assert symbols == "get_module\n"
    done = run_scene(
        ["--mount", "--propagation", "private"],
        "tests/install/packaging/extension.sh",
        str(ROOT / "php-ffi"),
        *packages,
    )
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (
        [
            "page: level 3.25 tier cdef",
            "installed: 0.1.0",
            "page: extension",
            "upgraded: 999.0.0",
            "page: extension",
            "page: extension",
            "removed: false",
            "page: cdef",
            "no request failed",
            "left: ",
        ],
        "",
        0,
    )


def test_the_package_names_all_crates_in_it_with_their_licences(tmp_path: Path) -> None:
    package = debian_package(tmp_path)
    assert run(["dpkg-deb", "-x", str(package), str(tmp_path)]).returncode == 0
    documents = tmp_path / "usr/share/doc/pegel"
    bill = json.loads((documents / "pegel.cdx.json").read_text())
    named = {(crate["name"], crate["version"]) for crate in bill["components"]}
    # A program carries the paths of the sources whose code can panic.
    linked = set()
    for file in [*tmp_path.glob("usr/bin/pegel*"), *tmp_path.glob("usr/lib/*/libpegel.so.1")]:
        paths = re.findall(
            rb"registry/src/[^/]+/([\w-]+?)-(\d+\.\d+\.\d+[^/]*)/", file.read_bytes()
        )
        linked |= {(name.decode(), version.decode()) for name, version in paths}
    assert {"clap_builder", "rumqttc", "axum", "async-opcua-core"} <= {name for name, _ in linked}
    assert linked <= named
    text = (documents / "copyright").read_text()
    for name, version in named:
        assert f"\n{name} {version}: " in text or name.startswith("pegel")
    for licence in (
        "Mozilla Public License Version 2.0",
        "Apache License\n",
        "Redistribution and use in source and binary forms",
        "Permission to use, copy, modify, and/or distribute",
        "UNICODE LICENSE V3",
    ):
        assert licence in text, licence
    [beside] = tmp_path.glob("pegel_*.cdx.json")
    assert json.loads(beside.read_text()) == bill
