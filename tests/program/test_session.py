"""The session in docs/program.md is what the program prints: each command runs again."""

import grp
import os
import pwd
import re
from pathlib import Path

from helpers.programs import ROOT, built, environment, run

# What differs in each run: times, ages, rates, and the user.
MOMENT = (
    re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d"),
    "2026-06-21 12:00:00.000 +02:00",
)
AGE = (re.compile(r"\b\d+\.\d s\b"), "0.0 s")
RATE = (
    re.compile(r"  (\d+(\.\d)?/(s|min|h))( +)(?=0\.0 s)"),
    lambda found: f"  {'-':{len(found[0]) - 2}}",
)


def session(page: str) -> str:
    (block,) = re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return str(block)


def replay(block: str, directory: Path) -> str:
    """The session with what its commands print now."""
    program = built("target/release/pegel").parent
    variables = environment(directory) | {"PATH": f"{program}:{os.environ['PATH']}", "TZ": "UTC"}
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        done = run(["sh", "-c", command], variables, directory)
        lines += [f"$ {command}\n", done.stdout, done.stderr]
    text = "".join(lines).replace(str(directory), "/dev/shm")
    owner = f"{pwd.getpwuid(os.geteuid()).pw_name}:{grp.getgrgid(os.getegid()).gr_name}"
    text = text.replace(owner, "solar:solar")
    for pattern, usual in (MOMENT, AGE, RATE):
        text = pattern.sub(usual, text)
    return text


def test_the_session_of_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs/program.md").read_text()
    (schema,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.toml").write_text(schema)
    recorded = session(page)
    assert recorded == replay(recorded, tmp_path)
