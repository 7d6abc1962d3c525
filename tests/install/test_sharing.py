"""The commands of docs/sharing.md, run as printed, in a copy of the machine."""

import os
import re
from pathlib import Path

import pytest

from helpers.programs import ROOT, built, run_scene

INVERTER = '[[field]]\nname = "power"\ntype = "f64"\n'
CONFIG = '[[field]]\nname = "limit"\ntype = "u16"\ndefault = 100\n'


def write_blocks(directory: Path) -> None:
    """The page's blocks as files, and the schemas that they name."""
    directory.mkdir()
    page = (ROOT / "docs/sharing.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    plain, create, docker = (text for language, text in blocks if language == "sh")
    (unit,) = (text for language, text in blocks if language == "ini")
    texts = {"plain.sh": plain, "create.sh": create, "docker.sh": docker, "unit.ini": unit}
    texts |= {"inverter.toml": INVERTER, "config.toml": CONFIG}
    for name, text in texts.items():
        (directory / name).write_text(text)


def test_two_users_share_boards_and_no_other_user_does(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("users and groups are made by root alone: run this test as root")
    write_blocks(tmp_path / "blocks")
    program = str(built("target/release/pegel"))
    namespaces = ["--mount", "--propagation", "private"]
    done = run_scene(
        namespaces, "tests/install/sharing/scene.sh", program, str(tmp_path / "blocks")
    )
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (
        [
            "directories: 2770 root pegel",
            "pages read: 21.8",
            "daemon reads: 60",
            "file: /dev/shm/pegel/pegel.config 660 solar pegel",
            "file: /dev/shm/pegel/pegel.inverter 640 solar pegel",
            "pages cannot write the daemon's board",
            "another user cannot read",
            "containers: 22.5",
            "unit: 0 complaints",
        ],
        "",
        0,
    )
