"""The station as `make station` installs it, in a copy of the machine."""

import json
import os
from pathlib import Path

import pytest

from helpers.programs import ROOT, debian_package, run, run_scene

UNITS = ("controller", "keeper", "launcher", "meter")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """What the installation takes from the network else."""
    directory = tmp_path / "wheels"
    requirements = ROOT / "station/requirements.txt"
    pip = [str(ROOT / ".venv/bin/pip"), "--disable-pip-version-check", "-q"]
    done = run([*pip, "download", "-d", str(directory), "-r", str(requirements)])
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The package and the wheel, where the installation looks for them."""
    directory = tmp_path / "target"
    directory.mkdir()
    debian_package(directory)
    maturin = [str(ROOT / ".venv/bin/maturin"), "build", "--release", "--locked", "-q"]
    output = ["-o", str(directory / "wheels")]
    done = run([*maturin, "-m", "python/Cargo.toml", *output], directory=ROOT)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.mark.long
def test_one_command_installs_the_station_and_one_removes_it(target: Path, wheels: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("the station is installed by root alone: run this test as root")
    places = [str(place) for place in (ROOT, target, wheels)]
    namespaces = ["--mount", "--net", "--propagation", "private"]
    done = run_scene(namespaces, "tests/install/station/scene.sh", *places)
    facts = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    intruder = json.loads(facts.pop(7))
    assert facts == [
        "installed the first time",
        "installed the second time",
        "units: " + " ".join(f"pegel-station-{unit}.service" for unit in UNITS),
        "verified: 0 complaints",
        "first visit: unconfigured",
        "started: Garage",
        "log: started",
        "after the reboot: Garage",
        "left: ",
    ]
    assert intruder["user"] == "pegel-pages"
    assert intruder["programs"] == []
    assert [intruder[what] for what in ("rename", "remove", "log", "port")] == [False] * 4
    assert "Denied" in intruder["open"] or "NotFound" in intruder["open"]
