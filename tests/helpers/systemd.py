"""The units that the package installs."""

from pathlib import Path

from helpers.programs import ROOT, built, run


def verify_unit(name: str, place: Path, threshold: int) -> None:
    """Has systemd look for faults, and for what the service may do beyond a threshold."""
    unit = place / name
    text = (ROOT / "packaging/systemd" / name).read_text()
    unit.write_text(text.replace("/usr/bin/pegel", str(built("target/release/pegel"))))
    done = run(["systemd-analyze", "verify", "--man=no", str(unit)])
    assert (done.returncode, done.stderr) == (0, "")
    limit = f"--threshold={threshold}"
    done = run(["systemd-analyze", "security", "--offline=true", limit, str(unit)])
    assert done.returncode == 0, done.stdout
