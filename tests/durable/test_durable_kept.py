"""Durable boards with bad files, bad disks and hostile users; and the keeper."""

import json
import os
import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pegel
from durable.machine import IS_ROOT, PRIVATE, TANK, Keeper, Machine, kept, synced
from format import durable
from helpers.programs import ROOT, WATCHDOG, built, environment, run

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
    with pytest.raises(pegel.NotFound, match=r"cannot be durable: .*missing does not exist"):
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


def spoil_slots(_: Machine, file: Path) -> None:
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
    "no durable file": (overwrite(0, b"PEGEL"[::-1]), pegel.Corrupt, "not a durable file"),
    "a later version": (overwrite(8, b"\2"), pegel.Unsupported, "version 2"),
    "the other byte order": (overwrite(12, b"\1\2\3\4"), pegel.Unsupported, "byte order"),
    "a changed head": (overwrite(16, b"?"), pegel.Corrupt, "checksum of its head"),
    "both slots": (spoil_slots, pegel.Corrupt, "neither of its records is whole"),
    "cut off": (lambda _, file: os.truncate(file, 99), pegel.Corrupt, "it is truncated"),
    "shorter": (lambda _, file: os.truncate(file, 65536), pegel.Corrupt, "65536 bytes instead"),
    "empty": (lambda _, file: os.truncate(file, 0), pegel.Corrupt, "it is truncated"),
    "elsewhere": (elsewhere, pegel.Untrusted, "belongs to the board .*/others/tank, not to"),
    "a link": (linked, pegel.Untrusted, "symbolic link"),
    "everybody's": (lambda _, file: file.chmod(0o666), pegel.Untrusted, "it is world-writable"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_is_reported_and_never_begun_anew(machine: Machine, bad: str) -> None:
    spoil, kind, message = BAD[bad]
    kept(1, "one")
    kept(2, "two")
    machine.reboot()
    spoil(machine, machine.file("tank"))
    before = machine.file("tank").read_bytes()
    for replace in (False, True):
        with pytest.raises(kind, match=message) as failure:
            pegel.Writer("tank", TANK, durable=True, replace=replace)
        assert str(machine.file("tank")) in str(failure.value)
    if bad != "elsewhere":
        with pytest.raises(kind, match=message):
            pegel.Writer("tank", TANK)
    with pytest.raises(pegel.NotFound if bad == "elsewhere" else kind):
        pegel.Writer.open("tank")
    assert machine.file("tank").read_bytes() == before
    assert pegel.boards() == []


def test_a_damaged_slot_leaves_the_other(machine: Machine) -> None:
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
    restored = named = refused = 0
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
                restored += 1
                if writer.sequence:
                    writer.read()
        except pegel.NotFound:
            # Of another board, as its path says now.
            pass
        except (pegel.Corrupt, pegel.Unsupported) as error:
            named += str(machine.file("tank")) in str(error)
            refused += 1
        machine.reboot()
    assert restored > 100
    assert named == refused > 1000


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
        follow = pegel.Reader("pegel-keep").follow(timeout=WATCHDOG)
        count = next(follow)["synced"]
        writer.publish(level=4)
        assert any(now["synced"] > count for now in follow)
        assert synced(machine, "tank") == 3


def test_the_keeper_reports_what_it_cannot_keep(machine: Machine) -> None:
    kept(1)
    kept(2, board="bad")
    machine.reboot()
    os.truncate(machine.file("bad"), 10)
    with Keeper(machine) as keeper:
        status = pegel.Reader("pegel-keep").read()
        assert "pegel.bad.durable" in status["last_failure"]
        assert pegel.boards() == ["pegel-keep", "tank"]
        machine.file("tank").unlink()
        with pegel.Writer.open("tank") as writer:
            writer.publish(level=3)
    assert keeper.process.returncode == 1
    assert "durable file not found" in keeper.said
    assert "1 durable boards are older on disk than in memory" in keeper.said


def test_the_keeper_gives_boards_back_to_their_owners(machine: Machine) -> None:
    if not IS_ROOT:
        pytest.fail("this needs another user: run it as root")
    machine.boards.chmod(0o777)
    # As the Debian package makes it, for a group.
    shutil.chown(machine.disk, "root", "nogroup")
    machine.disk.chmod(0o2770)
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
    # With its lock, or the first one to come could make it.
    lock = (machine.boards / "pegel.tank.lock").stat()
    assert (lock.st_uid, lock.st_gid) == (status.st_uid, status.st_gid)


def test_what_a_stranger_made_gets_on_no_disk(machine: Machine) -> None:
    """Of a board that was removed by hand, and whose name another user took since."""
    if not IS_ROOT:
        pytest.fail("this needs another user: run it as root")
    kept(1)
    machine.boards.chmod(0o1777)
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=6)
    shutil.chown(machine.boards / "pegel.tank", "nobody", "nogroup")
    assert "belongs to another user" in machine.fails("sync", "tank")
    with Keeper(machine) as keeper:
        assert "belongs to another user" in pegel.Reader("pegel-keep").read()["last_failure"]
    assert keeper.process.returncode == 1
    assert synced(machine, "tank") == 1


def test_a_mere_reader_cannot_keep_others_from_syncing(machine: Machine) -> None:
    for mode, of_file in ((0o640, 0o600), (0o664, 0o660), (0o600, 0o600)):
        pegel.Writer("tank", TANK, durable=True, mode=mode).close()
        assert machine.file("tank").stat().st_mode & 0o7777 == of_file


def findings(machine: Machine) -> dict[str, dict[str, Any]]:
    done = machine.program("doctor", "--json")
    return {one["subject"]: one for one in map(json.loads, done.stdout.splitlines())}


def test_the_doctor(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(1)
    found = findings(machine)
    assert found[str(machine.disk)]["status"] == "ok"
    assert found["durable tank"]["message"] == "sequence 1 is on disk, 1 is the newest"
    assert "nobody keeps" in found["keeper"]["message"]
    with Keeper(machine):
        assert findings(machine)["keeper"]["status"] == "ok"
    # More than the ring holds, since long ago.
    with pegel.Writer.open("tank") as writer:
        for level in range(40):
            writer.publish(level=level)
    os.utime(machine.file("tank"), (0, 0))
    assert "since" in findings(machine)["durable tank"]["message"]
    machine.disk.chmod(0o777)
    assert findings(machine)[str(machine.disk)]["fix"] == f"chmod o-w {machine.disk}"
    machine.file("tank").unlink()
    assert findings(machine)["durable tank"]["message"] == "it has no durable file"
    kept(2)
    machine.reboot()
    assert "no durable board of this name" in findings(machine)["durable tank"]["message"]
    os.truncate(machine.file("tank"), 10)
    assert findings(machine)[str(machine.file("tank"))]["status"] == "problem"
    monkeypatch.setenv("PEGEL_DURABLE_DIR", "/dev/shm")
    assert "it is in memory" in findings(machine)["/dev/shm"]["message"]


def test_the_service(tmp_path: Path) -> None:
    unit = (ROOT / "packaging/systemd/pegel-keep.service").read_text()
    unit = unit.replace("/usr/bin/pegel", str(built("target/release/pegel")))
    # Of the installed manual.
    unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.MULTILINE)
    (tmp_path / "pegel-keep.service").write_text(unit)
    done = run(["systemd-analyze", "verify", str(tmp_path / "pegel-keep.service")])
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def moved(machine: Machine) -> Path:
    """The directory of the boards after a reboot, under another path."""
    kept(1)
    kept(2)
    machine.reboot()
    elsewhere = machine.boards.parent / "elsewhere"
    elsewhere.mkdir()
    return elsewhere


def test_a_board_is_restored_under_another_path(machine: Machine) -> None:
    directory = moved(machine)
    with pegel.Writer(f"{directory}/tank", TANK, durable=True) as writer:
        assert (writer.sequence, writer.read()["level"]) == (2, 2)
        writer.publish(level=3)
        assert writer.sync() == 3
    # Each continues from the other one's sync, as in two containers with one volume.
    machine.boards.rmdir()
    directory.rename(machine.boards)
    with pegel.Writer("tank", TANK) as writer:
        writer.publish(level=4)
    assert machine.does("sync", "tank") == ""
    assert synced(machine, "tank") == 4
    machine.reboot()
    assert pegel.Writer.open("tank").read()["level"] == 4


def test_a_board_under_another_path_is_never_begun_anew(machine: Machine) -> None:
    directory = moved(machine)
    before = machine.file("tank").read_bytes()
    with pytest.raises(pegel.Untrusted, match="Create the board with `durable`") as failure:
        pegel.Writer(f"{directory}/tank", TANK)
    assert str(machine.boards / "tank") in str(failure.value)
    # Nor is the file taken for that of a board that was never here.
    with pytest.raises(pegel.NotFound, match="It can be restored from"):
        pegel.unlink(f"{directory}/tank")
    assert machine.file("tank").read_bytes() == before
    with pegel.Writer.open(f"{directory}/tank") as writer:
        assert writer.read()["level"] == 2


def test_two_boards_never_share_a_file(machine: Machine) -> None:
    directory = moved(machine)
    pegel.Writer.open("tank").close()
    shutil.copy(machine.boards / "pegel.tank", directory)
    with pegel.Writer(f"{directory}/plain", TANK) as writer:
        writer.publish(level=1)
    with pytest.raises(pegel.Untrusted, match="belongs to the board"):
        pegel.Writer.open(f"{directory}/tank").sync()
    (directory / "pegel.tank").unlink()
    with pytest.raises(pegel.Untrusted, match="belongs to the board"):
        pegel.Writer(f"{directory}/tank", TANK, durable=True)
    # One that is not durable has nothing to do with it.
    with pegel.Writer(f"{directory}/tank", TANK) as writer:
        assert writer.sequence == 0


def test_the_keeper_reports_what_it_passes_over(machine: Machine) -> None:
    directory = moved(machine)
    kept(1, board=f"{directory}/other")
    shutil.rmtree(directory)
    with Keeper(machine) as keeper:
        assert pegel.boards() == ["pegel-keep", "tank"]
    assert f"{machine.file('other')}: passed over" in keeper.said
    assert str(directory / "other") in keeper.said
