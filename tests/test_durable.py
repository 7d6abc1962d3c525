"""Durable boards: what was synced comes back after kills and reboots, and from copies."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pegel
from format import durable
from programs import ROOT, Conversation, built, environment, php, python, run

TANK = {"level": pegel.f64("m"), "note": pegel.text(24, default="")}
IS_ROOT = os.geteuid() == 0
# Mounts that only this process and its children see, and that end with them.
PRIVATE = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]


@dataclass
class Machine:
    """Boards, which a reboot takes away, and a disk, from which it does not."""

    boards: Path
    disk: Path

    def reboot(self) -> None:
        for file in self.boards.iterdir():
            file.unlink()

    def file(self, board: str) -> Path:
        return self.disk / f"pegel.{board}.durable"

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run([str(built("target/release/pegel")), *arguments], environment(self.boards))

    def does(self, *arguments: str) -> str:
        done = self.program(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def fails(self, *arguments: str, status: int = 1) -> str:
        done = self.program(*arguments)
        assert done.returncode == status, done.stderr
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "boards", tmp_path / "disk")
    for directory, variable in ((machine.boards, "PEGEL_DIR"), (machine.disk, "PEGEL_DURABLE_DIR")):
        directory.mkdir()
        monkeypatch.setenv(variable, str(directory))
    return machine


def kept(level: float, note: str = "", board: str = "tank") -> int:
    """Publishes and syncs."""
    with pegel.Writer(board, TANK, durable=True) as writer:
        writer.publish(level=level, note=note)
        return writer.sync()


LANGUAGES = ("c", "php", "python", "rust")


def test_each_language_goes_on_with_what_another_one_has_synced(
    machine: Machine, c_program: Callable[[str], list[str]]
) -> None:
    commands = {
        "c": c_program("tests/durable/gauge.c"),
        "php": php("tests/durable/gauge.php"),
        "python": python("tests/durable/gauge.py"),
        "rust": [str(built("target/release/gauge"))],
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
    assert (on_disk.newest.sequence, on_disk.newest.generation) == (1, 1)
    assert machine.file("tank").stat().st_mode & 0o7777 == 0o660
    machine.reboot()
    with pytest.raises(pegel.NotFound, match=r"come back from .*tank.durable"):
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
        with pytest.raises(pegel.InvalidArgument, match="is not durable; create it"):
            writer.sync()
    assert not machine.file("tank").exists()
    reader = pegel.Reader("tank")
    with pegel.Writer("tank", {"level": pegel.f64("m")}, durable=True) as writer:
        assert writer.read() == {"level": 1.5, "note": "before"}
        with pytest.raises(pegel.Gone):
            reader.read()
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


@pytest.mark.parametrize(("early", "ahead"), [(0, 0), (0, 3600), (-YEAR, 60)])
def test_ages_are_right_after_a_reboot(
    machine: Machine, tmp_path: Path, early: int, ahead: int
) -> None:
    """Another boot: another id, and a clock since boot that is a year off.

    The wall's clock is perhaps set between publication and sync, and goes on until the reboot.
    """
    boot, wrong_by, shim = (tmp_path / name for name in ("boot_id", "wrong_by", "clock.so"))
    source = str(ROOT / "tests/resources/clock.c")
    done = run(["gcc", "-shared", "-fPIC", source, "-o", str(shim), "-ldl"])
    assert done.returncode == 0, done.stderr
    shimmed = ["env", f"LD_PRELOAD={shim}", f"WRONG_BY={wrong_by}", sys.executable, "-c"]
    wrong_by.write_text(str(early))
    done = run([*shimmed, EARLY], environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    machine.reboot()
    boot.write_text("01234567-89ab-4cde-8f01-23456789abcd\n")
    wrong_by.write_text(str(ahead))
    script = f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"'
    command = [*PRIVATE, "--time", "--boottime", str(YEAR), "--fork", "sh", "-c", script, "sh"]
    done = run([*command, *shimmed, REBOOTED], environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    age, sequence = done.stdout.split()
    assert ahead <= float(age) < ahead + 600
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
            told = writer.stdout.read().split("\n")[:-1]
            synced = int(told[-1]) if told else synced
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
    told = [
        re.sub(r"^(\w+)\(.*?(\"sync \d\"|$).*", r"\1 \2", line).split("(")[0].strip()
        for line in lines
    ]
    created, *syncs = re.split(r"write \"sync \d\"", "\n".join(told))
    assert created.split() == [
        "fallocate", "pwrite64", "pwrite64", "fsync", "linkat", "renameat", "fsync",
    ]  # fmt: skip
    assert f"<{disk}>" in lines[6]
    # The first sync does not know yet that the newer place is on the disk, and that the name is.
    assert [sync.split() for sync in syncs] == [
        ["fdatasync", "fsync", "pwrite64", "fdatasync"],
        ["pwrite64", "fdatasync"],
        ["pwrite64", "fdatasync"],
    ]


FULL = """
import os, pathlib, pegel
disk = pathlib.Path(os.environ["PEGEL_DURABLE_DIR"])
with pegel.Writer("small", pegel.bytes_(1000), durable=True) as small:
    (disk / "rest").write_bytes(bytes(1))
    try:
        with (disk / "rest").open("wb") as rest:
            while True:
                rest.write(bytes(4096))
    except OSError:
        pass
    for _ in range(9):
        small.publish(bytes(1000))
        small.sync()
    try:
        pegel.Writer("large", pegel.bytes_(1000), durable=True)
    except pegel.NoSpace as error:
        print(error)
print(pegel.boards(), sorted(file.name for file in disk.iterdir()))
"""


def test_a_full_disk_is_an_error_when_a_board_is_made_and_none_later(machine: Machine) -> None:
    script = f'mount -t tmpfs -o size=400k none {machine.disk} && exec "$@"'
    command = [*PRIVATE, "sh", "-c", script, "sh", sys.executable, "-c", FULL]
    done = run(command, environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    error, rest = done.stdout.splitlines()
    assert str(machine.disk) in error
    assert rest == "['small'] ['pegel.small.durable', 'rest']"


def test_directories_that_will_not_do(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(machine.disk / "missing"))
    with pytest.raises(pegel.NotFound, match=r"cannot be durable: .*missing is not there; make it"):
        kept(1)
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(machine.boards))
    with pytest.raises(pegel.InvalidArgument, match="has the boards themselves"):
        kept(1)
    assert pegel.boards() == []


Spoil = Callable[[Machine, Path], object]


def overwrite(offset: int, content: bytes) -> Spoil:
    def spoil(_: Machine, file: Path) -> None:
        with file.open("r+b") as opened:
            opened.seek(offset)
            opened.write(content)

    return spoil


def spoil_places(_: Machine, file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[65536 + 80] ^= 1
    content[2 * 65536 + 80] ^= 1
    file.write_bytes(content)


def elsewhere(machine: Machine, file: Path) -> None:
    """The file of a board of the same name in another directory."""
    other = machine.boards.parent / "others"
    other.mkdir()
    file.unlink()
    kept(1, board=f"{other}/tank")


def linked(machine: Machine, file: Path) -> None:
    shutil.move(file, machine.disk / "real")
    file.symlink_to(machine.disk / "real")


BAD: dict[str, tuple[Spoil, type[pegel.Error], str]] = {
    "no durable file": (overwrite(0, b"PEGEL"[::-1]), pegel.Corrupt, "no durable file"),
    "a later version": (overwrite(8, b"\2"), pegel.Unsupported, "version 2"),
    "the other byte order": (overwrite(12, b"\1\2\3\4"), pegel.Unsupported, "byte order"),
    "a changed head": (overwrite(16, b"?"), pegel.Corrupt, "checksum of its head"),
    "both places": (spoil_places, pegel.Corrupt, "neither of its records is whole"),
    "cut off": (lambda _, file: os.truncate(file, 99), pegel.Corrupt, "its end was cut off"),
    "shorter": (lambda _, file: os.truncate(file, 65536), pegel.Corrupt, "65536 bytes instead"),
    "empty": (lambda _, file: os.truncate(file, 0), pegel.Corrupt, "its end was cut off"),
    "elsewhere": (elsewhere, pegel.Untrusted, "is of the board .*/others/tank, not of"),
    "a link": (linked, pegel.Untrusted, "symbolic link"),
    "everybody's": (lambda _, file: file.chmod(0o666), pegel.Untrusted, "everybody may write it"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_is_told_and_never_begun_anew(machine: Machine, bad: str) -> None:
    spoil, kind, told = BAD[bad]
    kept(1, "one")
    kept(2, "two")
    machine.reboot()
    spoil(machine, machine.file("tank"))
    before = machine.file("tank").read_bytes()
    for replace in (False, True):
        with pytest.raises(kind, match=told) as failure:
            pegel.Writer("tank", TANK, durable=True, replace=replace)
        assert str(machine.file("tank")) in str(failure.value)
    if bad != "elsewhere":
        with pytest.raises(kind, match=told):
            pegel.Writer("tank", TANK)
    with pytest.raises(pegel.NotFound if bad == "elsewhere" else kind):
        pegel.Writer.open("tank")
    assert machine.file("tank").read_bytes() == before
    assert pegel.boards() == []


def test_a_spoilt_place_leaves_the_other(machine: Machine) -> None:
    for level in range(1, 5):
        kept(level)
        machine.reboot()
        # What the next sync does not bring to its end.
        content = bytearray(machine.file("tank").read_bytes())
        older = 2 - level % 2
        content[older * 65536 + 70 : older * 65536 + 100] = os.urandom(30)
        machine.file("tank").write_bytes(content)
        assert durable.read(machine.file("tank")).newest.sequence == level
        with pegel.Writer.open("tank") as writer:
            assert (writer.sequence, writer.read()["level"]) == (level, level)


def test_whatever_stands_in_a_file(machine: Machine) -> None:
    """Thousands of mutations, most with right checksums: an error that names it, or a board."""
    numbers = random.Random(7)
    kept(1, "one")
    kept(2, "two")
    machine.reboot()
    good = machine.file("tank").read_bytes()
    end, size = durable.parts(good)
    interesting = [
        *range(end),
        *range(65536, 65536 + 110),
        *range(65536 + size, 65536 + size + 110),
    ]
    came_back = refused = told = 0
    for _ in range(3000):
        content = bytearray(good)
        for _ in range(numbers.choice((1, 1, 2, 8))):
            at = numbers.choice(interesting)
            content[at] = numbers.choice((0, 1, 0x7F, 0x80, 0xFF, numbers.randrange(256)))
        if numbers.random() < 0.8:
            try:
                durable.seal(content)
            except (IndexError, ValueError, OverflowError):
                continue
        if numbers.random() < 0.05:
            del content[numbers.randrange(len(content)) :]
        machine.file("tank").write_bytes(content)
        try:
            with pegel.Writer.open("tank") as writer:
                came_back += 1
                if writer.sequence:
                    writer.read()
        except pegel.NotFound:
            # Of another board, as its path says now.
            pass
        except (pegel.Corrupt, pegel.Unsupported) as error:
            refused += str(machine.file("tank")) in str(error)
            told += 1
        machine.reboot()
    assert came_back > 100
    assert refused == told > 1000


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
    # The older program goes on with the later schema.
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
    assert "is there already" in machine.fails("load", str(copy), status=2)
    machine.does("load", str(copy), "--replace")
    now = pegel.Reader("tank").read()
    # The sequences go on, and the copy is what lasts now.
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
    with pytest.raises(pegel.Untrusted, match=r"is of another board that was .*--replace"):
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
    assert "lets it come back from" in machine.fails("get", "config")
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


class Keeper:
    """`pegel keep`, until the block ends: then by SIGTERM."""

    def __init__(self, machine: Machine, every: str = "3600") -> None:
        # As systemd is told that services may start which need the boards.
        path = machine.boards.parent / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(60)
            command = [str(built("target/release/pegel")), "keep", "--every", every]
            variables = environment(machine.boards) | {"NOTIFY_SOCKET": str(path)}
            self.process = subprocess.Popen(
                command, env=variables, stderr=subprocess.PIPE, text=True
            )
            assert notify.recv(100) == b"READY=1\n"
        self.said = ""

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.said = self.process.communicate(timeout=60)[1]


def synced(machine: Machine, board: str) -> int:
    return durable.read(machine.file(board)).newest.sequence


def test_the_keeper_restores_and_syncs(machine: Machine) -> None:
    kept(1)
    kept(2, board="other")
    machine.reboot()
    with Keeper(machine) as keeper:
        assert pegel.boards() == ["other", "pegel-keep", "tank"]
        assert pegel.Reader("tank").read()["level"] == 1
        with pegel.Writer.open("tank") as writer:
            writer.publish(level=3)
        assert "has a writer" in machine.fails("keep")
    assert keeper.process.returncode == 0
    assert re.findall(r"restored .*/(\w+): sequence 1,", keeper.said) == ["other", "tank"]
    # Once more when it ends.
    assert synced(machine, "tank") == 2

    with Keeper(machine, "0.1"), pegel.Writer.open("tank") as writer:
        follow = pegel.Reader("pegel-keep").follow(timeout=60)
        count = next(follow)["synced"]
        writer.publish(level=4)
        assert any(now["synced"] > count for now in follow)
        assert synced(machine, "tank") == 3


def test_the_keeper_tells_what_it_cannot_keep(machine: Machine) -> None:
    kept(1)
    kept(2, board="bad")
    machine.reboot()
    os.truncate(machine.file("bad"), 10)
    with Keeper(machine) as keeper:
        told = pegel.Reader("pegel-keep").read()
        assert "pegel.bad.durable" in told["complaint"]
        assert pegel.boards() == ["pegel-keep", "tank"]
        machine.file("tank").unlink()
        with pegel.Writer.open("tank") as writer:
            writer.publish(level=3)
    assert keeper.process.returncode == 1
    assert "there is no durable file" in keeper.said
    assert "1 durable boards are not as new on the disk" in keeper.said


def test_the_keeper_gives_boards_back_to_their_owners(machine: Machine) -> None:
    if not IS_ROOT:
        pytest.fail("this needs another user: run it as root")
    machine.boards.chmod(0o777)
    kept(1)
    for file in (machine.boards / "pegel.tank", machine.file("tank")):
        shutil.chown(file, "nobody", "nogroup")
    machine.reboot()
    with Keeper(machine):
        pass
    status = (machine.boards / "pegel.tank").stat()
    assert (status.st_uid, status.st_gid) == (
        machine.file("tank").stat().st_uid,
        machine.file("tank").stat().st_gid,
    )
    assert status.st_uid != 0
    assert not (machine.boards / "pegel.tank.lock").exists()


def test_what_a_stranger_made_gets_on_no_disk(machine: Machine) -> None:
    """Of a board that was removed by hand, and whose name somebody else took in the meantime."""
    if not IS_ROOT:
        pytest.fail("this needs another user: run it as root")
    kept(1)
    machine.boards.chmod(0o1777)
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=6)
    shutil.chown(machine.boards / "pegel.tank", "nobody", "nogroup")
    assert "belongs to a stranger" in machine.fails("sync", "tank")
    with Keeper(machine) as keeper:
        assert "belongs to a stranger" in pegel.Reader("pegel-keep").read()["complaint"]
    assert keeper.process.returncode == 1
    assert synced(machine, "tank") == 1


def test_a_mere_reader_cannot_keep_others_from_syncing(machine: Machine) -> None:
    for mode, of_file in ((0o640, 0o600), (0o664, 0o660), (0o600, 0o600)):
        pegel.Writer("tank", TANK, durable=True, mode=mode).close()
        assert machine.file("tank").stat().st_mode & 0o7777 == of_file


def findings(machine: Machine) -> dict[str, dict[str, Any]]:
    done = machine.program("doctor", "--json")
    return {told["about"]: told for told in map(json.loads, done.stdout.splitlines())}


def test_the_doctor(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(1)
    told = findings(machine)
    assert told[str(machine.disk)]["state"] == "ok"
    assert told["durable tank"]["told"] == "sequence 1 is on the disk, 1 is the newest"
    assert "nobody keeps" in told["keeper"]["told"]
    with Keeper(machine):
        assert findings(machine)["keeper"]["state"] == "ok"
    # More than the ring holds, since long ago.
    with pegel.Writer.open("tank") as writer:
        for level in range(40):
            writer.publish(level=level)
    os.utime(machine.file("tank"), (0, 0))
    assert "since" in findings(machine)["durable tank"]["told"]
    machine.disk.chmod(0o777)
    assert findings(machine)[str(machine.disk)]["remedy"] == f"chmod o-w {machine.disk}"
    machine.file("tank").unlink()
    assert findings(machine)["durable tank"]["told"] == "it has no durable file"
    kept(2)
    machine.reboot()
    assert "there is no such board" in findings(machine)["durable tank"]["told"]
    os.truncate(machine.file("tank"), 10)
    assert findings(machine)[str(machine.file("tank"))]["state"] == "wrong"
    monkeypatch.setenv("PEGEL_DURABLE_DIR", "/dev/shm")
    assert "in memory too" in findings(machine)["/dev/shm"]["told"]


def test_the_service(tmp_path: Path) -> None:
    unit = (ROOT / "packaging/systemd/pegel-keep.service").read_text()
    unit = unit.replace("/usr/bin/pegel", str(built("target/release/pegel")))
    # Of the installed manual.
    unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.MULTILINE)
    (tmp_path / "pegel-keep.service").write_text(unit)
    done = run(["systemd-analyze", "verify", str(tmp_path / "pegel-keep.service")])
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
