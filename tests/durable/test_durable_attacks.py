"""Durable boards beside processes that crash, stop or attack, and after changes by hand."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pegel
from durable.machine import PRIVATE, TANK, Keeper, Machine, kept, synced
from format import durable
from helpers.programs import WATCHDOG, built, environment, run, wait_until

PROGRAM = str(built("target/release/pegel"))
OTHER = {"level": pegel.u16("m", default=7)}
F_OFD_SETLK = 37


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """By a process that does not release the lock."""
    with file.open("r+b") as opened:
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(opened, F_OFD_SETLK, lock)
        yield


def has_open(process: "subprocess.Popen[bytes]", file: Path) -> bool:
    return any(link.resolve() == file for link in Path(f"/proc/{process.pid}/fd").iterdir())


def test_a_sync_makes_no_file_for_a_board_that_is_being_removed(machine: Machine) -> None:
    kept(1)
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=2)
    with locked(machine.file("tank")):
        sync = subprocess.Popen([PROGRAM, "sync", "tank"], env=environment(machine.boards))
        wait_until(lambda: has_open(sync, machine.file("tank")), "the wait for the lock")
        # As a process that removes it.
        machine.file("tank").unlink()
        machine.reboot()
    assert sync.wait(timeout=WATCHDOG) == 1
    assert list(machine.disk.iterdir()) == []


def test_a_sync_makes_no_file_of_a_board_that_was_replaced(machine: Machine) -> None:
    kept(1)
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=2)
    with locked(machine.file("tank")):
        sync = subprocess.Popen([PROGRAM, "sync", "tank"], env=environment(machine.boards))
        wait_until(lambda: has_open(sync, machine.file("tank")), "the wait for the lock")
        (machine.boards / "pegel.tank").rename(machine.boards / "old")
        (machine.boards / "pegel.tank").write_bytes((machine.boards / "old").read_bytes())
        machine.file("tank").unlink()
    assert sync.wait(timeout=WATCHDOG) == 1
    assert list(machine.disk.iterdir()) == []


KILLS = [(call, when) for call in ("linkat", "renameat", "fsync") for when in range(1, 4)]


def killed(machine: Machine, call: str, when: int, *arguments: str) -> None:
    """At one of the calls of a program."""
    inject = f"inject={call}:signal=KILL:when={when}"
    trace = str(machine.boards.parent / "trace")
    command = ["strace", "-f", "-o", trace, "-e", f"trace={call}", "-e", inject, PROGRAM]
    done = run([*command, *arguments], environment(machine.boards))
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr


@pytest.mark.parametrize("command", ["rm", "load"])
@pytest.mark.parametrize(("call", "when"), [*KILLS, ("unlink", 1), ("unlink", 2), ("unlink", 3)])
def test_gc_removes_what_a_death_leaves_beside_durable_files(
    machine: Machine, command: str, call: str, when: int
) -> None:
    kept(1)
    copy = machine.boards.parent / "copy"
    copy.write_bytes(machine.file("tank").read_bytes())
    arguments = ["rm", "tank"] if command == "rm" else ["load", str(copy), "tank", "--replace"]
    killed(machine, call, when, *arguments)
    # Of a board of the same name in another directory, which this one's gc leaves alone.
    others = Machine(machine.boards.parent / "others", machine.boards.parent / "other-disk")
    others.boards.mkdir()
    others.disk.mkdir()
    elsewhere = environment(others.boards) | {"PEGEL_DURABLE_DIR": str(others.disk)}
    assert run([PROGRAM, "load", str(copy), "tank"], elsewhere).returncode == 0
    other = machine.disk / ".pegel.tank.durable.next-0123456789abcdef"
    others.file("tank").rename(other)
    machine.does("gc", "--yes", "--json")
    hidden = [*machine.boards.glob(".*next*"), *machine.disk.glob(".*next*")]
    assert hidden == [other]
    # What waits to be restored is not left over.
    if machine.file("tank").exists():
        pegel.Writer("tank", TANK, durable=True).close()
        assert machine.does("get", "tank", "level") == "1\n"
    else:
        assert command == "rm"
        assert machine.fails("get", "tank", "level").startswith("pegel: no board tank")


@pytest.mark.parametrize(("call", "when"), KILLS)
def test_one_who_dies_while_loading_loses_nothing_of_the_next(
    machine: Machine, tmp_path: Path, call: str, when: int
) -> None:
    kept(1)
    copy = tmp_path / "copy"
    copy.write_bytes(machine.file("tank").read_bytes())
    kept(2)
    killed(machine, call, when, "load", str(copy), "tank", "--replace")
    assert machine.does("sync", "tank") == ""
    machine.does("set", "tank", "level=42", "--sync")
    machine.reboot()
    assert pegel.Writer.open("tank").read()["level"] == 42


@pytest.mark.parametrize(("call", "when"), KILLS)
def test_one_who_dies_while_replacing_stands_in_nobodys_way(
    machine: Machine, tmp_path: Path, call: str, when: int
) -> None:
    kept(1)
    schema = tmp_path / "other.toml"
    schema.write_text(
        'durable = true\n[[field]]\nname = "level"\ntype = "u16"\nunit = "m"\ndefault = 7\n'
    )
    killed(machine, call, when, "create", "tank", str(schema), "--replace")
    assert machine.does("sync", "tank") == ""
    fields = TANK if "note" in pegel.Reader("tank").read() else OTHER
    with pegel.Writer("tank", fields, durable=True) as writer:
        writer.update(lambda now: {**now, "level": 42})
        assert writer.sync() == writer.sequence
    machine.reboot()
    assert pegel.Writer.open("tank").read()["level"] == 42


@pytest.mark.parametrize("mode", [0o700, 0o400, 0o755, 0o666])
def test_permissions_that_were_changed_by_hand_spoil_nothing(machine: Machine, mode: int) -> None:
    with pegel.Writer("tank", TANK, durable=True) as writer:
        writer.publish(level=1)
        (machine.boards / "pegel.tank").chmod(mode)
        assert writer.sync() == 1
    if mode != 0o666:
        assert machine.does("sync", "tank") == ""
    assert machine.file("tank").stat().st_mode & 0o007 == 0
    machine.reboot()
    assert pegel.Writer.open("tank").read()["level"] == 1


def test_reports_a_file_that_is_newer_than_the_board(machine: Machine) -> None:
    kept(1)
    early = machine.file("tank").read_bytes()
    kept(2)
    kept(3)
    late = machine.file("tank").read_bytes()
    machine.reboot()
    machine.file("tank").write_bytes(early)
    machine.does("set", "tank", "level=20")
    machine.file("tank").write_bytes(late)
    for program in (["sync", "tank"], ["set", "tank", "--sync", "level=30", "--if-sequence", "2"]):
        assert "sequence 3" in machine.fails(*program)
    # 30 is the third as well. What comes after is the newest for certain.
    machine.does("set", "tank", "level=40", "--sync")
    assert synced(machine, "tank") == 4


READ_ONLY = """
import os, pegel, subprocess
disk = os.environ["PEGEL_DURABLE_DIR"]
fields = {"level": pegel.f64("m")}
with pegel.Writer("tank", fields, durable=True) as writer:
    writer.publish(level=1.5)
    writer.sync()
os.unlink(os.environ["PEGEL_DIR"] + "/pegel.tank")
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
# Also by a creator that does not ask for it: the file is not begun anew.
with pegel.Writer("tank", fields) as writer:
    print(writer.sequence, writer.read()["level"], pegel.Reader("tank").info.durable)
    try:
        writer.publish(level=2.5)
        writer.sync()
    except pegel.Denied as error:
        print(error)
os.unlink(os.environ["PEGEL_DIR"] + "/pegel.tank")
print(pegel.Writer.open("tank").read()["level"])
"""


def test_a_board_comes_back_from_a_disk_that_is_read_only(machine: Machine) -> None:
    script = f'mount -t tmpfs none {machine.disk} && exec "$@"'
    command = [*PRIVATE, "sh", "-c", script, "sh", sys.executable, "-c", READ_ONLY]
    done = run(command, environment(machine.boards))
    assert (done.returncode, done.stderr) == (0, "")
    printed, error, again = done.stdout.splitlines()
    assert (printed, again) == ("1 1.5 True", "1.5")
    assert "Read-only file system" in error


@pytest.mark.long
def test_the_keeper_waits_for_nobody_for_ever(machine: Machine) -> None:
    kept(1)
    kept(2, board="other")
    kept(3, board="stuck")
    with pegel.Writer.open("tank"), locked(machine.file("stuck")):
        machine.reboot_but("pegel.tank.lock")
        with Keeper(machine) as keeper:
            assert pegel.Reader("other").read()["level"] == 2
    assert keeper.process.returncode == 0
    assert "board tank has a writer" in keeper.said
    assert "stuck.durable: another process has locked the file for 10 s" in keeper.said


def test_the_keeper_takes_over_the_status_of_an_earlier_version(machine: Machine) -> None:
    kept(1)
    machine.reboot()
    with pegel.Writer("pegel-keep", boards=pegel.text(7)) as writer:
        writer.publish(boards="none")
    with Keeper(machine):
        assert pegel.Reader("tank").read()["level"] == 1


def test_a_limit_of_file_sizes_is_an_error_and_no_signal(machine: Machine) -> None:
    kept(1)
    with pegel.Writer.open("tank") as writer:
        writer.publish(level=2)
    command = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", PROGRAM, "sync", "tank"]
    done = run(command, environment(machine.boards))
    assert (done.returncode, synced(machine, "tank")) == (1, 1)
    assert str(machine.file("tank")) in done.stderr


def test_what_stands_among_the_durable_files_keeps_no_other_board(machine: Machine) -> None:
    pegel.Writer("plain", TANK).close()
    machine.file("plain").symlink_to("/etc/passwd")
    machine.does("rm", "plain")
    assert machine.file("plain").is_symlink()


def test_a_hole_that_claims_to_be_a_record_takes_no_memory(machine: Machine) -> None:
    """A few KiB on the disk, of which all the checksums are right."""
    length = 1 << 29
    pegel.Writer("hole", pegel.bytes_(length), durable=True, slots=4).close()
    with machine.file("hole").open("r+b") as file:
        head, size = file.read(4096), os.fstat(file.fileno()).st_size
        file.seek(0)
        file.truncate(0)
        file.write(head)
        file.truncate(size)
        start = struct.pack("=IQQqqQQQII", 1, 1, 1, 1, 1, 1, 1, 0, length, 0)
        checksum = zlib.crc32(head[60:64] + start)
        for _ in range(length >> 20):
            checksum = zlib.crc32(bytes(1 << 20), checksum)
        file.seek(durable.PAGE)
        file.write(struct.pack("=I", checksum) + start)
    kept(1)
    machine.reboot()
    with Keeper(machine, limit="ulimit -v 450000") as keeper:
        assert pegel.boards() == ["pegel-keep", "tank"]
    assert keeper.process.returncode == 0
    assert f"cannot read {machine.file('hole')}" in keeper.said


def failing(machine: Machine, reads: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The program while some of its reads fail as on a bad SD card."""
    trace = str(machine.boards.parent / "trace")
    inject = ["-e", "trace=pread64", "-e", f"inject=pread64:error=EIO:when={reads}"]
    command = ["strace", "-o", trace, "-P", str(machine.file("tank")), *inject, PROGRAM]
    return run([*command, *arguments], environment(machine.boards))


@pytest.mark.parametrize("last", ["", "+"])
def test_a_read_error_never_restores_the_record_before(machine: Machine, last: str) -> None:
    for level in range(1, 4):
        kept(level)
    file = machine.file("tank").read_bytes()
    done = failing(machine, "999", "sync", "tank")
    assert done.returncode == 0
    schema = machine.boards.parent / "tank.toml"
    schema.write_text(machine.does("schema", "tank"))
    failed = 0
    for read in range(1, 30):
        machine.reboot()
        machine.file("tank").write_bytes(file)
        done = failing(machine, f"{read}{last}", "create", "tank", str(schema))
        failed += done.returncode
        if done.returncode:
            assert "I/O error" in done.stderr
            assert machine.file("tank").read_bytes() == file
            machine.does("create", "tank", str(schema))
        assert pegel.Reader("tank").read()["level"] == 3
        machine.does("set", "tank", "level=9", "--sync")
        machine.reboot()
        machine.does("create", "tank", str(schema))
        assert pegel.Reader("tank").read()["level"] == 9
    assert failed > 0


def test_what_a_bad_sector_leaves_is_loaded(machine: Machine, tmp_path: Path) -> None:
    kept(1)
    kept(2)
    machine.reboot()
    content = bytearray(machine.file("tank").read_bytes())
    # As `dd conv=noerror,sync` leaves the newer one.
    content[durable.PAGE : durable.PAGE + 4096] = bytes(4096)
    (tmp_path / "copy").write_bytes(content)
    trace = machine.boards.parent / "trace"
    assert failing(machine, "999", "set", "tank", "level=5").returncode == 0
    newer = f", {durable.PAGE}) "
    first = next(n for n, line in enumerate(trace.read_text().splitlines(), 1) if newer in line)
    machine.reboot()
    done = failing(machine, f"{first}+", "set", "tank", "level=5")
    assert done.returncode == 1
    assert "conv=noerror,sync" in done.stderr
    machine.does("load", str(tmp_path / "copy"), "--replace")
    assert pegel.Reader("tank").read()["level"] == 1
