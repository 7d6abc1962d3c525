"""Creating and removing boards when calls fail, others interfere, or root writes for users."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import pegel
from durable.machine import IS_ROOT, Machine
from helpers.programs import ROOT, STRICT, built, environment, run

SCHEMA = """{durable}mode = "0660"
[[field]]
name = "level"
type = "f64"
default = 1
"""
GROWN = SCHEMA + '[[field]]\nname = "more"\ntype = "f64"\ndefault = 1\n'
OWNER, MEMBER, STRANGER, GROUP = 61001, 61002, 61003, 61004
FILES = {"pegel.tank", "pegel.tank.lock"}


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


def level(machine: Machine) -> float:
    return float(json.loads(machine.does("get", "tank", "--json"))["level"])


def made(machine: Machine, *, durable: bool = True) -> None:
    """A board with 6, in memory and on the disk."""
    for name, schema in (("tank", SCHEMA), ("grown", GROWN)):
        text = schema.format(durable="durable = true\n" if durable else "")
        (machine.boards.parent / f"{name}.toml").write_text(text)
    machine.does("create", "tank", str(machine.boards.parent / "tank.toml"))
    machine.does("set", "tank", "level=6", *(["--sync"] if durable else []))


def injected(machine: Machine, call: str, what: str, *arguments: str) -> int:
    """Runs the program with one of its system calls failing, and returns its status."""
    trace = str(machine.boards.parent / "trace")
    command = ["strace", "-f", "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:{what}"]
    program = str(built("target/release/pegel"))
    done = run([*command, program, *arguments], environment(machine.boards))
    return done.returncode


FAULTS = [
    (call, f"error={error}:when={when}")
    for call, errors in {
        "renameat": ("EACCES", "EIO", "ENOSPC"),
        "unlink": ("EACCES", "EIO"),
        "fsync": ("EIO", "ENOSPC"),
        "faccessat2": ("EACCES",),
    }.items()
    for error in errors
    for when in range(1, 5)
]
KILLS = [
    (call, f"signal=KILL:when={when}")
    for call in ("renameat", "unlink", "fsync", "linkat")
    for when in range(1, 5)
]


@pytest.mark.parametrize(("call", "fault"), FAULTS)
def test_a_removal_that_fails_has_lost_nothing_and_can_be_repeated(
    machine: Machine, call: str, fault: str
) -> None:
    made(machine)
    if injected(machine, call, fault, "rm", "tank") != 0:
        # As after a power failure, a record is restored: the file is not removed before the board.
        if (machine.boards / "pegel.tank").exists():
            assert level(machine) == 6
        assert machine.file("tank").exists()
        machine.does("rm", "tank")
    assert names(machine.boards) - {"pegel.tank.lock"} == set()
    assert names(machine.disk) == set()


@pytest.mark.parametrize(("call", "kill"), KILLS)
def test_a_removal_that_is_killed_leaves_no_board_without_its_file(
    machine: Machine, call: str, kill: str
) -> None:
    made(machine)
    status = injected(machine, call, kill, "rm", "tank")
    assert status in (0, -signal.SIGKILL, 128 + signal.SIGKILL)
    if (machine.boards / "pegel.tank").exists():
        assert machine.file("tank").exists()
    # Whatever is left, the next one of the name is not hindered by it, and takes it away.
    machine.does("create", "tank", str(machine.boards.parent / "tank.toml"))
    machine.does("rm", "tank")
    assert names(machine.boards) == set()
    assert names(machine.disk) == set()


@pytest.mark.parametrize(("call", "fault"), FAULTS + KILLS)
@pytest.mark.parametrize("way", ["grow", "load"])
def test_a_replacement_that_fails_has_lost_nothing_and_can_be_repeated(
    machine: Machine, tmp_path: Path, call: str, fault: str, way: str
) -> None:
    made(machine)
    machine.does("dump", "tank", "--snapshot", str(tmp_path / "dump"))
    arguments = {
        "grow": ["create", "tank", str(tmp_path / "grown.toml")],
        "load": ["load", str(tmp_path / "dump"), "tank", "--replace"],
    }[way]
    injected(machine, call, fault, *arguments)
    assert level(machine) == 6
    assert machine.file("tank").exists()
    machine.does(*arguments)
    assert level(machine) == 6
    machine.does("set", "tank", "level=7", "--sync")
    machine.reboot()
    schema = "grown" if way == "grow" else "tank"
    machine.does("create", "tank", str(tmp_path / f"{schema}.toml"))
    assert level(machine) == 7
    machine.does("rm", "tank")
    assert names(machine.boards) == set()
    assert names(machine.disk) == set()


class Shared:
    """A directory that is writable for everyone, or for a group."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.chmod(0o755)
        self.boards, self.disk = root / "boards", root / "disk"
        for directory in (self.boards, self.disk):
            directory.mkdir()
            os.chown(directory, 0, GROUP)
            directory.chmod(0o2770)
        self.boards.chmod(0o1777)
        for name, schema in (("tank", SCHEMA), ("grown", GROWN)):
            for kind, durable in (("", ""), ("-durable", "durable = true\n")):
                file = root / f"{name}{kind}.toml"
                file.write_text(schema.format(durable=durable))
                file.chmod(0o644)

    def run(self, user: int, *command: str) -> subprocess.CompletedProcess[str]:
        group = GROUP if user in (OWNER, MEMBER) else user
        drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        variables = environment(self.boards) | {"PEGEL_DURABLE_DIR": str(self.disk)}
        return run([*(drop if user else []), *command], variables)

    def pegel(self, user: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(user, str(built("target/release/pegel")), *arguments)

    def does(self, user: int, *arguments: str) -> str:
        done = self.pegel(user, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def schema(self, name: str) -> str:
        return str(self.root / f"{name}.toml")

    def owner(self, name: str) -> tuple[int, int, int]:
        status = (self.boards / name).stat()
        return status.st_uid, status.st_gid, status.st_mode & 0o7777


@pytest.fixture
def shared() -> Iterator[Shared]:
    if not IS_ROOT:
        pytest.fail("this needs other users: run it as root")
    # Not below pytest's directory, which only its user may enter.
    with TemporaryDirectory() as directory:
        yield Shared(Path(directory))


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_nobody_can_take_the_names_of_what_replaces_a_board(shared: Shared, kind: str) -> None:
    shared.does(OWNER, "create", "tank", shared.schema("tank"))
    shared.does(OWNER, "set", "tank", "level=3")
    taken = str(shared.boards / ".pegel.tank.next")
    make = {"file": ["touch"], "directory": ["mkdir"], "link": ["ln", "-s", "/etc/passwd"]}[kind]
    assert shared.run(STRANGER, *make, taken).returncode == 0
    shared.does(OWNER, "create", "tank", shared.schema("grown"))
    assert "3" in shared.does(OWNER, "get", "tank", "level")
    dump = str(shared.boards / "dump")
    shared.does(OWNER, "dump", "tank", "--snapshot", dump)
    shared.does(OWNER, "load", dump, "tank", "--replace")
    shared.does(OWNER, "rm", "tank")
    assert names(shared.boards) == {".pegel.tank.next", "dump"}


def test_a_member_who_may_not_replace_or_remove_leaves_nothing(shared: Shared) -> None:
    shared.does(OWNER, "create", "tank", shared.schema("tank"))
    shared.does(OWNER, "set", "tank", "level=3")
    for arguments in (["create", "tank", shared.schema("grown")], ["rm", "tank"]):
        assert "Operation not permitted" in shared.pegel(MEMBER, *arguments).stderr
        assert names(shared.boards) == FILES
        assert "3" in shared.does(MEMBER, "get", "tank", "level")
    shared.does(MEMBER, "set", "tank", "level=4")
    shared.does(OWNER, "create", "tank", shared.schema("grown"))


@pytest.mark.parametrize("disk", [0o550, 0o3770])
def test_who_may_not_remove_the_durable_file_removes_nothing(shared: Shared, disk: int) -> None:
    shared.boards.chmod(0o2770)
    shared.does(OWNER, "create", "tank", shared.schema("tank-durable"))
    shared.does(OWNER, "set", "tank", "level=3", "--sync")
    shared.disk.chmod(disk)
    for arguments in (["create", "tank", shared.schema("grown-durable")], ["rm", "tank"]):
        assert shared.pegel(MEMBER, *arguments).returncode == 1
        assert names(shared.boards) == FILES
        assert names(shared.disk) == {"pegel.tank.durable"}
        assert "more" not in shared.does(MEMBER, "get", "tank", "--json")
    shared.disk.chmod(0o2770)
    shared.does(MEMBER, "rm", "tank")
    assert names(shared.boards) | names(shared.disk) == set()


def test_the_lock_belongs_to_the_boards_owner_whoever_made_it(shared: Shared) -> None:
    shared.boards.chmod(0o2770)
    shared.does(OWNER, "create", "tank", shared.schema("tank-durable"))
    lock = shared.boards / "pegel.tank.lock"
    expected = shared.owner("pegel.tank.lock")
    assert expected == (OWNER, GROUP, 0o660)

    def owner_goes_on() -> None:
        assert shared.owner("pegel.tank.lock") == expected
        shared.does(OWNER, "set", "tank", "level=3", "--sync")

    lock.unlink()
    shared.does(0, "set", "tank", "level=2")
    owner_goes_on()
    lock.unlink()
    shared.does(0, "create", "tank", shared.schema("tank-durable"))
    owner_goes_on()
    # As root left it before.
    os.chown(lock, 0, 0)
    shared.does(0, "set", "tank", "level=2")
    owner_goes_on()
    for arguments in (["set", "tank", "level=2"], ["create", "tank", shared.schema("tank")]):
        for file in FILES:
            (shared.boards / file).unlink()
        shared.does(0, *arguments)
        assert shared.owner("pegel.tank") == expected
        owner_goes_on()


def test_a_lock_that_is_somebodys_file_stays_his(shared: Shared) -> None:
    shared.boards.chmod(0o2770)
    shared.does(OWNER, "create", "tank", shared.schema("tank"))
    lock = shared.boards / "pegel.tank.lock"
    lock.write_text("secret")
    os.chown(lock, 0, 0)
    lock.chmod(0o600)
    shared.pegel(0, "set", "tank", "level=2")
    assert shared.owner("pegel.tank.lock") == (0, 0, 0o600)


def inode_shim(directory: Path) -> Path:
    """A library to preload that makes inode numbers disagree."""
    shim = directory / "inode.so"
    source = str(ROOT / "tests/safety/resources/inode.c")
    done = run(["gcc", "-std=c99", *STRICT, "-shared", "-fPIC", source, "-o", str(shim), "-ldl"])
    assert done.returncode == 0, done.stderr
    return shim


@pytest.mark.parametrize("arguments", [("set", "tank", "level=7"), ("rm", "tank")])
def test_inode_numbers_that_disagree_are_an_error_that_says_so(
    machine: Machine, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    made(machine)
    shim = inode_shim(tmp_path)
    program = str(built("target/release/pegel"))
    preloaded = environment(machine.boards) | {"LD_PRELOAD": str(shim)}
    done = run([program, *arguments], preloaded)
    assert done.returncode == 1
    assert "inode number" in done.stderr
    assert level(machine) == 6
    machine.does(*arguments)


def test_a_strangers_directory_is_refused(shared: Shared) -> None:
    """As one that another user creates below /dev/shm before its owner does."""
    directory = shared.boards / "pegel"
    assert shared.run(STRANGER, "mkdir", "-m", "755", str(directory)).returncode == 0
    board = f"{directory}/tank"
    shared.does(STRANGER, "create", board, shared.schema("tank"), "--mode", "0664")
    before = names(directory)
    for user, *arguments in (
        (OWNER, "get", board),
        (0, "set", board, "level=5"),
        (0, "create", f"{directory}/other", shared.schema("tank")),
        (0, "create", f"{directory}/other", shared.schema("tank-durable")),
    ):
        done = shared.pegel(user, *arguments)
        assert done.returncode == 1
        assert f"its directory belongs to another user (got uid {STRANGER})" in done.stderr
    assert names(directory) == before
    # Root may look.
    shared.does(0, "get", board)
    shared.does(0, "rm", board)


@pytest.mark.parametrize("owner", [0, OWNER])
def test_what_a_stranger_left_in_a_directory_is_refused(shared: Shared, owner: int) -> None:
    directory = shared.boards / "pegel"
    assert shared.run(STRANGER, "mkdir", "-m", "755", str(directory)).returncode == 0
    board = f"{directory}/tank"
    shared.does(STRANGER, "create", board, shared.schema("tank"), "--mode", "0664")
    os.chown(directory, owner, GROUP)
    directory.chmod(0o2770)
    done = shared.pegel(OWNER, "get", board)
    assert done.returncode == 1
    assert f"belongs to another user (got uid {STRANGER})" in done.stderr
    shared.does(OWNER, "create", f"{directory}/other", shared.schema("tank"), "--mode", "0660")
    shared.does(MEMBER, "set", f"{directory}/other", "level=5")


@pytest.mark.parametrize("mapped", ["root", "current"])
def test_users_that_a_namespace_does_not_map_are_strangers(shared: Shared, mapped: str) -> None:
    shared.root.chmod(0o755)
    shared.does(STRANGER, "create", "tank", shared.schema("tank"), "--mode", "0664")
    shared.does(OWNER, "create", "own", shared.schema("tank"))
    program = str(built("target/release/pegel"))
    inside = ["unshare", "--user", f"--map-{mapped}-user", program]
    done = shared.run(OWNER, *inside, "get", "tank")
    assert done.returncode == 1
    assert "a user that this user namespace does not map (got uid 65534)" in done.stderr
    assert "Map the owner into the container" in done.stderr
    done = shared.run(OWNER, *inside, "set", "own", "level=5")
    assert (done.returncode, done.stderr) == (0, "")


FOLLOW = """
import pegel
try:
    for snapshot in pegel.Reader("tank").follow(timeout=0):
        print(snapshot["level"])
except pegel.System as error:
    print(error)
"""


def test_following_in_python_ends_where_inode_numbers_disagree(tmp_path: Path) -> None:
    board = tmp_path / "pegel.tank"
    with pegel.Writer(tmp_path / "tank", level=pegel.f64()) as writer:
        writer.publish(level=6)
    # A writer that crashed before it replaced the board left the mark; the name decides.
    mark_as_gone(board)
    command = [sys.executable, "-c", FOLLOW]
    assert run(command, environment(tmp_path)).stdout == "6.0\n"
    preloaded = environment(tmp_path) | {"LD_PRELOAD": str(inode_shim(tmp_path))}
    assert "inode number" in run(command, preloaded).stdout


def mark_as_gone(board: Path) -> None:
    head = 192
    content = bytearray(board.read_bytes())
    assert content[head] == 1 << 1
    content[head] |= 1
    board.write_bytes(content)
