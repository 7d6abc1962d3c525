"""Durable boards: synced records are restored after kills and reboots, and from copies."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from durable.machine import PRIVATE, TANK, Machine, kept, synced
from format import durable
from helpers.programs import ROOT, Conversation, built, environment, php, python, run

LANGUAGES = ("c", "php", "python", "rust")


def test_each_language_goes_on_with_what_another_one_has_synced(
    machine: Machine, c_program: Callable[[str], list[str]]
) -> None:
    commands = {
        "c": c_program("tests/durable/syncer.c"),
        "php": php("tests/durable/syncer.php"),
        "python": python("tests/durable/syncer.py"),
        "rust": [str(built("target/release/syncer"))],
    }
    before = "0 0 durable"
    for sequence, language in enumerate([*LANGUAGES, *LANGUAGES[::-1]], start=1):
        level = f"{sequence}.5"
        pipe = subprocess.PIPE
        command = [*commands[language], level]
        with subprocess.Popen(
            command,
            env=environment(machine.boards),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        ) as process:
            gauge = Conversation(process)
            assert (gauge.hear(), gauge.hear()) == (before, str(sequence)), language
            process.kill()
        machine.reboot()
        before = f"{sequence} {level} durable"


def test_a_board_comes_back_as_it_was_synced(machine: Machine) -> None:
    with pegel.Writer("tank", TANK, durable=True, slots=4, mode=0o660) as writer:
        assert durable.read(machine.file("tank")).newest.record is None
        writer.publish(level=1.5, note="rising")
        assert writer.sync() == writer.sync() == 1
        writer.publish(level=2.5, note="not synced")
    on_disk = durable.read(machine.file("tank"))
    assert (on_disk.board, on_disk.mode) == (str(machine.boards / "tank"), 0o660)
    assert (on_disk.newest.sequence, on_disk.newest.writers) == (1, 1)
    assert machine.file("tank").stat().st_mode & 0o7777 == 0o660
    machine.reboot()
    with pytest.raises(pegel.NotFound, match=r"restored from .*tank.durable"):
        pegel.Reader("tank")
    with pegel.Writer.open("tank") as writer:
        now = pegel.Reader("tank").read()
        assert (now.sequence, now.generation) == (1, 1)
        assert now == {"level": 1.5, "note": "rising"}
        assert writer.publish(level=3.5) == 2
        assert writer.read().generation == 2
        info = pegel.Reader("tank").info
        assert (info.slots, info.mode, info.durable, info.checksums) == (4, 0o660, True, False)


def test_what_was_never_published_comes_back_too(machine: Machine) -> None:
    pegel.Writer("tank", TANK, durable=True).close()
    pegel.Writer("ahoy", pegel.json(1000), durable=True, checksum=True).close()
    machine.reboot()
    with pegel.Writer.open("tank") as tank, pegel.Writer.open("ahoy") as ahoy:
        assert (tank.sequence, ahoy.sequence) == (0, 0)
        ahoy.publish({"a": [1, None]})
        assert ahoy.sync() == 1
    machine.reboot()
    with pegel.Writer("ahoy", pegel.json(1000)) as ahoy:
        assert ahoy.read().document == {"a": [1, None]}
        info = pegel.Reader("ahoy").info
        assert (info.durable, info.checksums) == (True, True)


def test_a_board_becomes_durable_with_its_records(machine: Machine) -> None:
    with pegel.Writer("tank", TANK) as writer:
        writer.publish(level=1.5, note="before")
        with pytest.raises(pegel.InvalidArgument, match="is not durable"):
            writer.sync()
    assert not machine.file("tank").exists()
    reader = pegel.Reader("tank")
    with pegel.Writer("tank", {"level": pegel.f64("m")}, durable=True) as writer:
        assert writer.read() == {"level": 1.5, "note": "before"}
        with pytest.raises(pegel.Gone):
            reader.last(1)
    machine.reboot()
    with pegel.Writer("tank", TANK) as writer:
        assert writer.read()["level"] == 1.5
        assert writer.publish(level=2) == 2


EARLY = """
import os, pathlib, pegel
with pegel.Writer("tank", level=pegel.f64("m"), durable=True) as writer:
    writer.publish(level=1.5)
    pathlib.Path(os.environ["WRONG_BY"]).write_text("0")
    writer.sync()
"""

REBOOTED = """
import pegel
now = pegel.Writer.open("tank").read()
print(now.age, now.sequence)
"""

YEAR = 365 * 24 * 3600


@pytest.mark.parametrize("boot_id", ["another", "repeated", "hidden"])
@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize(("early", "ahead"), [(0, 0), (0, 3600), (-YEAR, 60), (0, -3600)])
def test_ages_are_right_after_a_reboot(
    machine: Machine, tmp_path: Path, early: int, ahead: int, later: bool, boot_id: str
) -> None:
    """Another boot: another id, or one that is unknown; and a clock since boot that is off.

    The wall clock may be set between publication and sync, and runs until the reboot.
    """
    since = time.clock_gettime(time.CLOCK_BOOTTIME)
    lasts = since + YEAR if later else since // 2
    boot, wrong_by, shim = (tmp_path / name for name in ("boot_id", "wrong_by", "clock.so"))
    source = str(ROOT / "tests/safety/resources/clock.c")
    done = run(["gcc", "-shared", "-fPIC", source, "-o", str(shim), "-ldl"])
    assert done.returncode == 0, done.stderr
    shimmed = ["env", f"LD_PRELOAD={shim}", f"WRONG_BY={wrong_by}", sys.executable, "-c"]
    wrong_by.write_text(str(early))
    done = run([*shimmed, EARLY], environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    machine.reboot()
    ids = {"another": "01234567-89ab-4cde-8f01-23456789abcd\n", "hidden": ""}
    boot.write_text(ids.get(boot_id) or Path("/proc/sys/kernel/random/boot_id").read_text())
    wrong_by.write_text(str(ahead))
    script = f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"'
    shift = str(int(lasts - since))
    command = [*PRIVATE, "--time", "--boottime", shift, "--fork", "sh", "-c", script, "sh"]
    done = run([*command, *shimmed, REBOOTED], environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    age, sequence = done.stdout.split()
    # By a clock that is behind still, nothing is newer than this boot.
    least = ahead if ahead >= 0 else lasts - 2
    if boot_id == "another" or not later:
        least = max(least, lasts - 2)
    assert least <= float(age)
    assert sequence == "1"


KILLED = """
import random, pegel
with pegel.Writer("ahoy", pegel.bytes_(200_000), durable=True) as writer:
    print("ready", flush=True)
    while True:
        number = writer.sequence + 1
        writer.publish(number.to_bytes(8, "little") * random.randrange(1, 25_000))
        print(writer.sync(), flush=True)
"""


def test_kills_at_any_moment_leave_what_was_synced(machine: Machine) -> None:
    """Beside others that sync the same board, and are killed too."""
    numbers = random.Random(9)
    synced = 0
    sync = [str(built("target/release/pegel")), "sync", "ahoy"]
    for _ in range(25):
        script = [sys.executable, "-c", KILLED]
        variables = environment(machine.boards)
        with subprocess.Popen(script, env=variables, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
            for _ in range(numbers.randrange(1, 6)):
                synced = int(writer.stdout.readline())
                with subprocess.Popen(sync, env=variables, stderr=subprocess.DEVNULL) as other:
                    if numbers.random() < 0.5:
                        other.kill()
            writer.kill()
            printed = writer.stdout.read().split("\n")[:-1]
            synced = int(printed[-1]) if printed else synced
        machine.reboot()
        found = durable.read(machine.file("ahoy")).newest
        assert found.record is not None
        assert found.sequence >= synced
        assert set(re.findall(rb"(?s).{8}", found.record)) == {found.sequence.to_bytes(8, "little")}
    assert synced > 25


def calls(trace: Path) -> list[str]:
    """The calls that wrote, by their names and what they were of."""
    return [line.split(" ", 1)[-1].strip() for line in trace.read_text().splitlines()]


SYNCS = """
import pegel
with pegel.Writer("tank", level=pegel.f64("m"), durable=True) as writer:
    for level in range(3):
        writer.publish(level=level)
        open("/dev/null", "w").write(f"sync {level}")
        writer.sync()
"""


def test_what_a_sync_asks_of_the_kernel(machine: Machine, tmp_path: Path) -> None:
    """That the file is on the disk before its name, and that; later one write and one flush."""
    trace = tmp_path / "trace"
    names = "fallocate,pwrite64,fsync,fdatasync,linkat,renameat,renameat2,write"
    command = [
        "strace",
        "-y",
        "-e",
        f"trace={names}",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        SYNCS,
    ]
    done = run(command, environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    disk = str(machine.disk)
    lines = [line for line in trace.read_text().splitlines() if disk in line or "sync " in line]
    calls = [
        re.sub(r"^(\w+)\(.*?(\"sync \d\"|$).*", r"\1 \2", line).split("(")[0].strip()
        for line in lines
    ]
    created, *syncs = re.split(r"write \"sync \d\"", "\n".join(calls))
    assert created.split() == [
        "fallocate", "pwrite64", "pwrite64", "fsync", "linkat", "renameat", "fsync",
    ]  # fmt: skip
    assert f"<{disk}>" in lines[6]
    # The first sync does not know yet that the newer slot and the name are on disk.
    assert [sync.split() for sync in syncs] == [
        ["fdatasync", "fsync", "pwrite64", "fdatasync"],
        ["pwrite64", "fdatasync"],
        ["pwrite64", "fdatasync"],
    ]


def test_schemas_grow_over_reboots(machine: Machine) -> None:
    first = {"level": pegel.f64("m")}
    with pegel.Writer("tank", first, durable=True) as writer:
        writer.publish(level=1)
        writer.sync()
    machine.reboot()
    with pegel.Writer("tank", TANK, durable=True) as writer:
        assert writer.read() == {"level": 1.0, "note": ""}
        assert durable.read(machine.file("tank")).newest.sequence == 1
        writer.publish(level=2, note="grown")
        writer.sync()
    machine.reboot()
    # The older program writes the later schema.
    with pegel.Writer("tank", first, durable=True) as writer:
        assert writer.read() == {"level": 2.0, "note": "grown"}
        assert (writer.publish(level=3), writer.sync()) == (3, 3)
    machine.reboot()
    with pytest.raises(pegel.InvalidFields, match="tank"):
        pegel.Writer("tank", level=pegel.f64("ft"), durable=True)
    with pegel.Writer("tank", level=pegel.f64("ft"), durable=True, replace=True) as writer:
        assert writer.publish(level=4) == 4
    assert durable.read(machine.file("tank")).newest.sequence == 3
    machine.reboot()
    assert pegel.Writer.open("tank").sequence == 0


def test_a_copy_comes_back(machine: Machine, tmp_path: Path) -> None:
    kept(1.5, "then")
    copy = tmp_path / "pegel.tank.durable"
    shutil.copy(machine.file("tank"), copy)
    kept(2.5, "now")
    assert "already exists" in machine.fails("load", str(copy), status=2)
    machine.does("load", str(copy), "--replace")
    now = pegel.Reader("tank").read()
    # The sequences continue, and the copy is on disk now.
    assert (now.sequence, now["note"]) == (3, "then")
    machine.reboot()
    assert pegel.Writer.open("tank").read()["note"] == "then"
    # Onto another disk, where nothing is.
    machine.reboot()
    shutil.copy(copy, machine.file("tank"))
    with pegel.Writer.open("tank") as writer:
        assert (writer.sequence, writer.read()["note"]) == (1, "then")
    # Over one that is damaged, and under another name.
    machine.reboot()
    os.truncate(machine.file("tank"), 70_000)
    assert "instead of" in machine.fails("load", str(copy))
    machine.does("load", str(copy), "--replace")
    machine.does("load", str(copy), "other")
    machine.reboot()
    for board in ("tank", "other"):
        assert pegel.Writer.open(board).read()["note"] == "then"


def test_a_file_of_a_board_that_was_there_before_is_not_overwritten(machine: Machine) -> None:
    kept(1, "then")
    copy = machine.file("tank").read_bytes()
    pegel.unlink("tank")
    pegel.Writer("tank", TANK).close()
    machine.file("tank").write_bytes(copy)
    machine.file("tank").chmod(0o600)
    with pytest.raises(pegel.Untrusted, match=r"belongs to an earlier board .*--replace"):
        pegel.Writer("tank", TANK, durable=True)
    assert machine.file("tank").read_bytes() == copy
    machine.does("load", str(machine.file("tank")), "--replace")
    assert pegel.Reader("tank").read()["note"] == "then"
    assert machine.does("sync", "tank") == ""


def test_the_program(machine: Machine, tmp_path: Path) -> None:
    schema = tmp_path / "config.toml"
    schema.write_text(
        'board = "config"\ndurable = true\n[[field]]\nname = "limit"\ntype = "u16"\ndefault = 80\n'
    )
    machine.does("create", str(schema))
    assert json.loads(machine.does("set", "config", "limit=60", "--sync", "--json")) == {
        "sequence": 2
    }
    machine.does("set", "config", "limit=70")
    shown = json.loads(machine.does("show", "config", "--json"))
    assert (shown["durable"], shown["sequence"], shown["synced"]) == (True, 3, 2)
    assert f"sequence 2 in {machine.file('config')}" in machine.does("show", "config")
    assert "durable = true\n" in machine.does("schema", "config")
    assert ", durable\n" in machine.does("ls")
    assert json.loads(machine.does("sync", "config", "--json")) == {"sequence": 3}
    dumped = tmp_path / "config.json"
    dumped.write_text(machine.does("dump", "config"))
    # It was made to stay.
    assert "no board without a writer" in machine.program("gc", "--yes").stderr
    machine.reboot()
    assert re.search(r"^config +-.* NOT_FOUND$", machine.does("ls"), re.MULTILINE)
    assert "It can be restored from" in machine.fails("get", "config")
    machine.does("set", "config", "limit=50")
    machine.does("rm", "config")
    assert list(machine.disk.iterdir()) == list(machine.boards.iterdir()) == []
    machine.does("load", str(dumped))
    machine.reboot()
    assert pegel.Writer.open("config").sequence == 1
    machine.does("dump", "config", "--snapshot", str(tmp_path / "snapshot"))
    machine.does("rm", "config")
    machine.does("load", str(tmp_path / "snapshot"), "config")
    assert synced(machine, "config") == 1
    machine.reboot()
    # Also while only the file is there.
    machine.does("rm", "config")
    assert list(machine.disk.iterdir()) == []
    assert "no board config" in machine.fails("rm", "config")
    pegel.Writer("plain", TANK).close()
    assert "not durable" in machine.fails("sync", "plain", status=2)
    assert "not durable" in machine.fails("set", "plain", "level=1", "--sync")
    assert pegel.Reader("plain").sequence == 0
