"""Boards when resources run out, when the clock is set, and of the extreme sizes."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

import pegel
from durable.machine import PRIVATE
from format.reader import UNKNOWN, Reader, this_boot
from helpers.programs import ROOT, STRICT, WATCHDOG, Conversation, built, converse, environment, run

NO_DESCRIPTORS = """
import os, resource
import pegel

writer = pegel.Writer("tank", level=pegel.f64())
writer.publish(level=1.0)
reader = pegel.Reader("tank")
files = lambda: sorted(os.listdir("/proc/self/fd"))
before = files()
highest = max(map(int, before))
attempts = {
    "read": lambda: pegel.Reader("tank"),
    "write": lambda: pegel.Writer.open("other", timeout=0),
    "create": lambda: pegel.Writer("new", level=pegel.f64()),
}
pegel.Writer("other", level=pegel.f64()).close()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
# Each attempt stops at another of its descriptors.
for spare in range(3):
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) - 1 + spare, hard))
    for name, attempt in attempts.items():
        try:
            attempt()
        except pegel.System as error:
            assert "ulimit -n" in str(error), error
        else:
            assert spare >= {"read": 1, "write": 2, "create": 2}[name], (name, spare)
    writer.publish(level=2.0)
    assert reader.read()["level"] == 2.0
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
assert files() == before, (files(), before)
for attempt in attempts.values():
    attempt()
"""


def test_no_descriptors_left(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", NO_DESCRIPTORS], environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    names = {"pegel.new", "pegel.new.lock", "pegel.other", "pegel.other.lock", "pegel.tank"}
    assert {file.name for file in tmp_path.iterdir()} == names | {"pegel.tank.lock"}


NO_BOOT = """
import os, resource
import pegel

writer = pegel.Writer("tank", level=pegel.f64())
highest = max(map(int, os.listdir("/proc/self/fd")))
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
writer.publish(level=1.0)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
writer.publish(level=2.0)
"""


def test_the_boot_is_looked_for_again(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", NO_BOOT], environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    with Reader(tmp_path / "pegel.tank") as reader:
        assert [reader.read_at(sequence).boot for sequence in (1, 2)] == [UNKNOWN, this_boot()]


AGE = """
require $argv[1];
$now = Pegel\\Reader::open('tank')->read();
echo json_encode([$now->age === INF ? null : $now->age, $now->publishedAt?->format('U.u')]);
"""


@pytest.mark.parametrize("suspended", [0, 100])
def test_a_container_may_have_an_uptime_of_its_own(tmp_path: Path, suspended: int) -> None:
    """As lxcfs shows it; for PHP without FFI, only this file counts through suspend."""
    with pegel.Writer(tmp_path / "tank", level=pegel.f64()) as writer:
        writer.publish(level=1.0)
    published = time.time()
    shift = ["--time", "--monotonic", str(-suspended), "--boottime", "0", "--fork"]

    def look(uptime: float, error: int) -> tuple[float | None, float | None]:
        (tmp_path / "uptime").write_text(f"{uptime} 0\n")
        (tmp_path / "wrong_by").write_text(str(error))
        script = f'mount --bind {tmp_path}/uptime /proc/uptime && exec "$@"'
        shim = clock_shim(tmp_path)
        program = ["env", f"LD_PRELOAD={shim}", f"WRONG_BY={tmp_path}/wrong_by", "php", "-r", AGE]
        autoload = str(ROOT / "php-ffi/autoload.php")
        command = [*PRIVATE, *shift, "sh", "-c", script, "sh", *program, "--", autoload]
        done = run(command, environment(tmp_path) | {"PEGEL_TIER": "files"})
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        age, at = json.loads(done.stdout)
        return age, at if at is None else float(at)

    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    for uptime in (1.0, up - suspended - 0.5, up - suspended / 2, up + 3600):
        least = time.time() - published
        age, at = look(uptime, 0)
        assert age is not None
        assert at == pytest.approx(published, abs=0.1)
        assert least <= age <= time.time() - published + 0.1
    # The age is unknown if the wall clock was set back, too.
    age, at = look(1.0, -3600)
    assert (age is None) == (at is None) == (suspended > 0)


CLOCK = """
import json, sys
import pegel

writer = pegel.Writer("tank", level=pegel.f64())
reader = pegel.Reader("tank")
for line in sys.stdin:
    if line == "publish\\n":
        writer.publish(level=1.0)
    now = reader.read()
    print(json.dumps([now.age, now.published.timestamp()]), flush=True)
"""

YEAR = 365 * 24 * 3600


def clock_shim(place: Path) -> Path:
    """A library that makes the wall clock wrong."""
    shim = place / "clock.so"
    source = str(ROOT / "tests/safety/resources/clock.c")
    command = ["gcc", "-std=c99", *STRICT, "-shared", "-fPIC", source, "-o", str(shim), "-ldl"]
    done = run(command)
    assert done.returncode == 0, done.stderr
    return shim


def test_the_clock_is_set_back_and_forth(tmp_path: Path) -> None:
    """A machine that boots without a clock, and gets the time later."""
    shim, wrong_by = clock_shim(tmp_path), tmp_path / "wrong_by"
    wrong_by.write_text("0")
    shifted = environment(tmp_path) | {"LD_PRELOAD": str(shim), "WRONG_BY": str(wrong_by)}

    def look(program: Conversation, line: str, error: int) -> None:
        """The age is right whatever the clock shows, and the time is that of the clock now."""
        wrong_by.write_text(str(error))
        before = time.time()
        age, published = json.loads(program.ask(line))
        assert 0 <= age < WATCHDOG
        assert before - 0.1 <= published + age - error <= time.time() + 0.1

    with converse([sys.executable, "-c", CLOCK], shifted) as program:
        for error in (0, -YEAR, 0, YEAR, -40 * YEAR, 0):
            look(program, "publish", error)
            look(program, "read", 0)
            look(program, "read", -YEAR)


SIZES = (1, 1024, 1 << 20, 16 << 20)


@pytest.mark.parametrize("size", SIZES)
def test_records_of_any_size(tmp_path: Path, size: int) -> None:
    """Published by one language and read by the next: the program, Python, PHP."""
    (tmp_path / "bulk.toml").write_text(f"document = 'bytes'\ncapacity = {size}")
    content = os.urandom(size)
    (tmp_path / "content").write_bytes(content)
    program = str(built("target/release/pegel"))
    python = """
import sys, pegel
now = pegel.Reader("bulk").read()
assert now.document == open("content", "rb").read()
pegel.Writer.open("bulk", timeout=0).publish(now.document[::-1])
"""
    php = f"""
require '{ROOT}/php-ffi/autoload.php';
$now = Pegel\\Reader::open('bulk')->read();
$now->document === strrev(file_get_contents('content')) or exit(1);
Pegel\\Writer::open('bulk', timeout: 0.0)->publish(strrev($now->document));
"""
    for command in (
        [program, "create", "bulk", "bulk.toml"],
        [program, "set", "bulk", "--document", "content"],
        [sys.executable, "-c", python],
        ["php", "-d", "memory_limit=1G", "-r", php],
    ):
        done = run(command, environment(tmp_path), tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    now = pegel.Reader(tmp_path / "bulk").read()
    assert (now.sequence, now.document) == (3, content)
