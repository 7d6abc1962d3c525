"""Each system call of a command fails once: it reports that, loses nothing, and can be repeated.

By default each call fails in one way. PEGEL_FAULTS=all lets it fail in every way that the kernel
knows, and kills the command there, as `make campaign` does.
"""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from durable.machine import Machine
from helpers.programs import built, environment, run

ERRORS = {
    "openat": "EMFILE EACCES EIO ENOSPC EROFS EINTR ENOMEM",
    "newfstatat": "EIO EACCES ENOMEM",
    "fstat": "EIO",
    "lstat": "EIO",
    "stat": "EIO",
    "statx": "EIO EACCES",
    "pread64": "EIO EINTR",
    "read": "EIO EINTR",
    "pwrite64": "ENOSPC EIO EINTR EDQUOT",
    "write": "ENOSPC EIO EINTR",
    "fcntl": "ENOLCK EIO EINTR",
    "mmap": "ENOMEM ENODEV",
    "fallocate": "ENOSPC EIO EINTR",
    "ftruncate": "ENOSPC EIO",
    "fchmod": "EPERM EIO",
    "fchown": "EPERM EIO",
    "linkat": "EPERM ENOSPC EIO EACCES",
    "unlink": "EPERM EIO",
    "unlinkat": "EPERM EIO",
    "rename": "EPERM EIO ENOSPC",
    "renameat": "EPERM EIO ENOSPC",
    "renameat2": "EPERM EIO ENOSPC",
    "fdatasync": "EIO ENOSPC EDQUOT",
    "fsync": "EIO ENOSPC",
    "getdents64": "EIO",
    "faccessat2": "EACCES",
}
FULL = os.environ.get("PEGEL_FAULTS") == "all"
CALL = re.compile(r"^(?:\d+\s+)?(\w+)\(")
FIELD = '[[field]]\nname = "{}"\ntype = "f64"\ndefault = 5\n'


@dataclass
class Place(Machine):
    """A machine, and the files that its commands take and make."""

    files: Path = field(default_factory=Path)

    def schema(self, name: str) -> str:
        return str(self.files / f"{name}.toml")

    def level(self) -> float | None:
        """The board's value; None if there is no board."""
        done = self.program("get", "tank", "level", "--json")
        if done.returncode == 0:
            return float(json.loads(done.stdout))
        assert not (self.boards / "pegel.tank").exists(), done.stderr
        return None

    def level_on_disk(self) -> float | None:
        """The value in a copy of the durable file."""
        if not self.file("tank").exists():
            return None
        with_copy = self.files / "copy"
        shutil.rmtree(with_copy, ignore_errors=True)
        (with_copy / "disk").mkdir(parents=True)
        copy = shutil.copy(self.file("tank"), with_copy / "copy.durable")
        shell = environment(with_copy) | {"PEGEL_DURABLE_DIR": str(with_copy / "disk")}
        program = str(built("target/release/pegel"))
        loaded = run([program, "load", str(copy), "tank"], shell)
        assert loaded.returncode == 0, loaded.stderr
        return float(json.loads(run([program, "get", "tank", "level", "--json"], shell).stdout))

    def clear(self) -> None:
        for directory in (self.boards, self.disk):
            shutil.rmtree(directory)
            directory.mkdir()


@pytest.fixture
def place(machine: Machine, tmp_path: Path) -> Place:
    place = Place(machine.boards, machine.disk, tmp_path / "files")
    place.files.mkdir()
    for durable in ("", "durable"):
        start = 'board = "tank"\nmode = "0660"\n' + ("durable = true\n" if durable else "")
        for grown in ("", "grown"):
            fields = FIELD.format("level") + (FIELD.format("more") if grown else "")
            (place.files / f"{durable}{grown}tank.toml").write_text(start + fields)
    return place


def nothing(place: Place) -> None:
    place.clear()


def board(place: Place) -> None:
    place.clear()
    place.does("create", place.schema("tank"))
    place.does("set", "tank", "level=6")


def durable(place: Place) -> None:
    place.clear()
    place.does("create", place.schema("durabletank"))
    # Both places of the file are written.
    for level in (6, 7, 6):
        place.does("set", "tank", f"level={level}", "--sync")


def reboot(place: Place) -> None:
    durable(place)
    place.reboot()


def dump(place: Place) -> None:
    board(place)
    (place.files / "dump").unlink(missing_ok=True)


def dumped(place: Place) -> None:
    dump(place)
    place.does("dump", "tank", "--snapshot", str(place.files / "dump"))
    place.does("rm", "tank")


def dumped_beside(place: Place) -> None:
    dump(place)
    place.does("dump", "tank", "--snapshot", str(place.files / "dump"))


@dataclass(frozen=True)
class Scene:
    """A command, what it finds, and the board's value before and after: in memory, on the disk."""

    prepare: Callable[[Place], None]
    command: tuple[str, ...]
    before: float | None
    after: float | None
    disk_before: float | None = None
    disk_after: float | None = None
    # What a command of two steps may leave.
    between: tuple[float, ...] = ()


SCENES = {
    "create": Scene(nothing, ("create", "{tank}"), None, 5),
    "create durable": Scene(nothing, ("create", "{durabletank}"), None, 5, None, 5),
    "make durable": Scene(board, ("create", "{durabletank}"), 6, 6, None, 6),
    "set": Scene(board, ("set", "tank", "level=8"), 6, 8),
    "set and sync": Scene(durable, ("set", "tank", "level=8", "--sync"), 6, 8, 6, 8),
    "grow": Scene(board, ("create", "{growntank}"), 6, 6),
    "grow durable": Scene(durable, ("create", "{durablegrowntank}"), 6, 6, 6, 6),
    "rm": Scene(board, ("rm", "tank"), 6, None),
    "rm durable": Scene(durable, ("rm", "tank"), 6, None, 6, None),
    "dump": Scene(dump, ("dump", "tank", "--snapshot", "{dump}"), 6, 6),
    "load": Scene(dumped, ("load", "{dump}", "tank"), None, 6),
    "load and replace": Scene(dumped_beside, ("load", "{dump}", "tank", "--replace"), 6, 6),
    "sync": Scene(durable, ("sync", "tank"), 6, 6, 6, 6),
    "restore": Scene(reboot, ("create", "{durabletank}"), None, 6, 6, 6),
    "restore and set": Scene(reboot, ("set", "tank", "level=8", "--sync"), None, 8, 6, 8, (6,)),
    "get": Scene(durable, ("get", "tank"), 6, 6, 6, 6),
}


def command(place: Place, scene: Scene) -> list[str]:
    paths = {file.stem: str(file) for file in place.files.glob("*.toml")}
    paths["dump"] = str(place.files / "dump")
    return [str(built("target/release/pegel")), *(part.format(**paths) for part in scene.command)]


def faults(place: Place, scene: Scene) -> Iterator[str]:
    """What strace injects: into each call from the first one that has to do with the boards."""
    scene.prepare(place)
    trace = place.files / "trace"
    done = run(["strace", "-o", str(trace), *command(place, scene)], environment(place.boards))
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    has_begun = False
    directories = [str(directory) for directory in (place.boards, place.disk, place.files)]
    for line in trace.read_text(errors="replace").splitlines():
        if not (call := CALL.match(line)):
            continue
        counts[call[1]] += 1
        is_board = call[1] != "execve" and any(directory in line for directory in directories)
        has_begun = has_begun or is_board
        errors = ERRORS.get(call[1], "").split() if has_begun else []
        for error in errors if FULL else errors[counts[call[1]] % max(len(errors), 1) :][:1]:
            yield f"{call[1]}:error={error}:when={counts[call[1]]}"
        if FULL and errors:
            yield f"{call[1]}:signal=KILL:when={counts[call[1]]}"


def check(place: Place, scene: Scene, fault: str) -> None:
    scene.prepare(place)
    traced = [f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    program = command(place, scene)
    trace = ["strace", "-o", str(place.files / "trace"), "-e", *traced]
    done = run([*trace, *program], environment(place.boards))
    is_killed = "KILL" in fault
    assert is_killed or done.returncode in (0, 1, 2)
    assert "panicked" not in done.stderr
    level, on_disk = place.level(), place.level_on_disk()
    if done.returncode == 0:
        assert (level, on_disk) == (scene.after, scene.disk_after), done.stderr
    else:
        assert is_killed or done.stderr, "it fails without a word"
        assert level in (scene.before, scene.after, *scene.between), done.stderr
        assert on_disk in (scene.disk_before, scene.disk_after), done.stderr
        # A board whose value was on the disk is not left without it.
        assert level is None or scene.disk_before is None or on_disk is not None
    if not is_killed:
        hidden = [file for directory in (place.boards, place.disk) for file in directory.glob(".*")]
        assert [*hidden, *place.files.glob("*.part*"), *place.files.glob(".*")] == []
    # Nothing that is left is in the way of the next ones.
    if level is not None:
        place.does("set", "tank", "level=9")
        if scene.disk_after is not None and on_disk is not None:
            place.does("set", "tank", "level=9.5", "--sync")
    schema = program[-1] if scene.command[0] == "create" else place.schema("tank")
    place.does("create", schema)


@pytest.mark.long
@pytest.mark.parametrize("name", SCENES)
def test_a_command_whose_calls_fail(place: Place, name: str) -> None:
    scene = SCENES[name]
    found: dict[str, str] = {}
    tried = 0
    for fault in faults(place, scene):
        tried += 1
        try:
            check(place, scene, fault)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            found[fault] = str(error).partition("\n")[0]
    assert found == {}
    assert tried > 10
