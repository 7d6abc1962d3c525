"""What the units of the repository may do, and how much they may take."""

import re
from pathlib import Path

import pytest

from helpers.programs import ROOT, run

UNITS = run(["git", "-C", str(ROOT), "ls-files", "*.service"]).stdout.split()


def test_the_package_and_the_station_have_units() -> None:
    assert {Path(unit).parts[0] for unit in UNITS} == {"packaging", "station"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: Path(unit).name)
def test_a_unit_exposes_little(unit: str, tmp_path: Path) -> None:
    # The installer fills in the marks; of another user than root, as it does.
    text = re.sub("@[a-z]+@", "daemon", (ROOT / unit).read_text())
    copy = tmp_path / Path(unit).name
    copy.write_text(text)
    done = run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(copy)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search("^TasksMax=[0-9]+$", text, re.MULTILINE)
    # The boards that pegel-keep restores count as its memory, and there can be any number.
    if copy.name != "pegel-keep.service":
        assert re.search("^MemoryMax=[0-9]+M$", text, re.MULTILINE)
