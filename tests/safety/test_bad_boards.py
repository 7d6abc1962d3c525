"""Files that are not valid boards: each language returns the same status, and none crashes."""

import os
import shlex
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import pegel
from helpers import header
from helpers.programs import ROOT, STRICT, built, environment, php, python, run

LIBRARIES = ("c", "php", "php files", "python")
TANK = {"level": pegel.f64("m"), "rain": pegel.bool_(), "note": pegel.text(24)}
RECORD = {"level": 3.21, "rain": True, "note": "rising"}
SCHEMA = """field = [
  { name = "level", type = "f64", unit = "m", default = 3.21 },
  { name = "rain", type = "bool", default = true },
  { name = "note", type = "text", size = 24, default = "rising" },
]"""
OTHER_SCHEMA = 'field = [{ name = "level", type = "f64", unit = "cm" }]'
IS_ROOT = os.geteuid() == 0
# Root may read and write everything, unless it gives that up.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if IS_ROOT else []
# A mount that only this process and its children see, and that ends with them.
PRIVATE_MOUNTS = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]


class Attempt:
    """Tries one thing in one language, on board `tank` of a directory unless another is given."""

    def __init__(self, language: str, program: list[str], directory: Path) -> None:
        self.language = language
        self.program = program
        self.directory = directory / "boards"
        self.directory.mkdir()
        self.file = self.directory / "pegel.tank"
        self.schemas = {"create": directory / "tank.toml", "differ": directory / "other.toml"}
        self.schemas["create"].write_text(SCHEMA)
        self.schemas["differ"].write_text(OTHER_SCHEMA)
        self.prefix: list[str] = []

    def command(self, action: str, board: str = "tank") -> list[str]:
        if self.language != "program":
            return [*self.program, action, board]
        if action in self.schemas:
            return [*self.program, "create", board, str(self.schemas[action])]
        verb = {"unlink": ["rm", board], "write": ["set", board, "level=3"], "read": ["get", board]}
        return [*self.program, *verb[action]]

    def run(self, action: str, board: str) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, *self.command(action, board)]
        return run(command, environment(self.directory))

    def succeeds(self, action: str, board: str = "tank") -> None:
        done = self.run(action, board)
        assert (done.returncode, done.stderr) == (0, "")
        assert self.language == "program" or done.stdout == "0\t\n"

    def fails(
        self, action: str, error: type[pegel.Error], message: str, board: str = "tank"
    ) -> None:
        """The status is the error's, and the message has this in it."""
        done = self.run(action, board)
        if self.language == "program":
            status = 2 if error is pegel.InvalidArgument else 1
            assert (done.returncode, done.stdout) == (status, ""), done.stderr
            assert message in done.stderr
        else:
            assert (done.returncode, done.stderr) == (0, "")
            code, text, *call = done.stdout.rstrip("\n").split("\t")
            assert int(code) == error.code, text
            assert message in text
            if self.language == "c":
                header.check(call[0], int(code))


@pytest.fixture(params=[*LIBRARIES, "program"])
def attempt(
    request: pytest.FixtureRequest, tmp_path: Path, c_program: Callable[[str], list[str]]
) -> Attempt:
    match request.param:
        case "c":
            program = c_program("tests/safety/refusals/attempt.c")
        case "php":
            program = php("tests/safety/refusals/attempt.php")
        case "php files":
            program = php("tests/safety/refusals/attempt.php", tier="files")
        case "python":
            program = python("tests/safety/refusals/attempt.py")
        case _:
            program = [str(built("target/release/pegel"))]
    return Attempt(request.param, program, tmp_path)


def put_board(file: Path) -> None:
    """A board that nothing is wrong with, yet."""
    name = file.name.removeprefix("pegel.")
    with pegel.Writer(file.parent / name, TANK) as writer:
        writer.publish(RECORD)


def cut(size: int) -> Callable[[Path], None]:
    """A board of the first bytes; a negative size counts from the end."""

    def put(file: Path) -> None:
        put_board(file)
        os.truncate(file, size if size >= 0 else file.stat().st_size + size)

    return put


def patch(offset: int, number: int) -> Callable[[Path], None]:
    """A board with another number at an offset."""

    def put(file: Path) -> None:
        put_board(file)
        with file.open("r+b") as board:
            board.seek(offset)
            board.write(struct.pack("=I", number))

    return put


def put_wrong_checksum(file: Path) -> None:
    with pegel.Writer(file.parent / "tank", TANK, slots=4, checksum=True) as writer:
        writer.publish(RECORD)
    with file.open("r+b") as board:
        # In the record of sequence 1.
        board.seek(-3 * 128, os.SEEK_END)
        board.write(b"\xff")


def put_longer(file: Path) -> None:
    put_board(file)
    os.truncate(file, file.stat().st_size + 1)


def put_writable(file: Path) -> None:
    put_board(file)
    file.chmod(0o666)


def put_symlink(file: Path) -> None:
    put_board(file.with_name("pegel.other"))
    file.symlink_to("pegel.other")


def put_hard_link(file: Path) -> None:
    put_board(file.with_name("pegel.other"))
    file.hardlink_to(file.with_name("pegel.other"))


def put_socket(file: Path) -> None:
    # Its path may be longer than a socket's address: bind in the directory.
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{directory}/{file.name}")
    finally:
        os.close(directory)


FIELD_TABLE = 128
NOT_BOARDS: dict[str, tuple[Callable[[Path], object], type[pegel.Error], str]] = {
    "empty": (Path.touch, pegel.Corrupt, "0 bytes"),
    "text": (lambda file: file.write_text("level=3.21\n" * 99), pegel.Corrupt, "not a Pegel board"),
    "zeros": (lambda file: file.write_bytes(bytes(8192)), pegel.Corrupt, "not a Pegel board"),
    "cut in the header": (cut(100), pegel.Corrupt, "100 bytes"),
    "cut in the fields": (cut(200), pegel.Corrupt, "200 bytes"),
    "cut by a byte": (cut(-1), pegel.Corrupt, "bytes instead of"),
    "longer by a byte": (put_longer, pegel.Corrupt, "bytes instead of"),
    "other version": (patch(8, 1), pegel.Unsupported, "layout version 1"),
    "unknown flags": (patch(68, 8), pegel.Unsupported, "flags 0x8"),
    "other byte order": (patch(12, 0x04030201), pegel.Unsupported, "byte order"),
    "false slots": (patch(32, 5), pegel.Corrupt, "not a valid board"),
    "false slot size": (patch(36, 1 << 31), pegel.Corrupt, "not a valid board"),
    "false record size": (patch(40, 1 << 31), pegel.Corrupt, "not a valid board"),
    "false field count": (patch(44, 0xFFFFFFFF), pegel.Corrupt, "4294967295 fields"),
    "unknown type": (patch(FIELD_TABLE + 48, 99), pegel.Corrupt, "no type has number 99"),
    "directory": (Path.mkdir, pegel.Untrusted, "not a regular file"),
    "fifo": (os.mkfifo, pegel.Untrusted, "not a regular file"),
    "socket": (put_socket, pegel.Untrusted, "not a regular file"),
    "symlink": (put_symlink, pegel.Untrusted, "symbolic link"),
    "dangling symlink": (lambda file: file.symlink_to("nowhere"), pegel.Untrusted, "symbolic"),
    "hard link": (put_hard_link, pegel.Untrusted, "hard link"),
    "for everybody to write": (put_writable, pegel.Untrusted, "world-writable"),
}


@pytest.mark.parametrize("case", NOT_BOARDS)
def test_rejects_what_is_not_a_board(attempt: Attempt, case: str) -> None:
    put, error, message = NOT_BOARDS[case]
    put(attempt.file)
    for action in ("read", "write", "create"):
        attempt.fails(action, error, message)
        attempt.fails(action, error, str(attempt.file))


@pytest.mark.parametrize(
    "name", ["", "Tank", "a b", "ä", "a" * 65, "tank.lock", "tank/", "a\\b", "*", "\udcff"]
)
def test_names_that_are_none(attempt: Attempt, name: str) -> None:
    for action in ("read", "write", "create", "unlink"):
        attempt.fails(action, pegel.InvalidArgument, "", name)
    assert list(attempt.directory.iterdir()) == []


def test_no_board(attempt: Attempt) -> None:
    for action in ("read", "write", "unlink"):
        attempt.fails(action, pegel.NotFound, str(attempt.file))


def test_no_directory(attempt: Attempt) -> None:
    directory = attempt.directory / "missing"
    for action in ("read", "write", "create", "unlink"):
        attempt.fails(action, pegel.NotFound, str(directory), f"{directory}/tank")
    directory.touch()
    for action in ("read", "write", "create"):
        attempt.fails(action, pegel.System, str(directory), f"{directory}/tank")


def test_nothing_published(attempt: Attempt) -> None:
    pegel.Writer(attempt.directory / "tank", TANK).close()
    attempt.fails("read", pegel.Empty, "nothing has been published yet")


def test_a_record_with_a_wrong_checksum(attempt: Attempt) -> None:
    put_wrong_checksum(attempt.file)
    attempt.fails("read", pegel.Corrupt, "the checksum of sequence 1 is wrong")
    attempt.fails("read", pegel.Corrupt, str(attempt.file))
    if attempt.language == "program":
        # It changes fields of the newest record, and so has to read that.
        attempt.fails("write", pegel.Corrupt, "the checksum of sequence 1 is wrong")
    else:
        attempt.succeeds("write")
        attempt.succeeds("read")


def test_another_schema(attempt: Attempt) -> None:
    put_board(attempt.file)
    attempt.fails("differ", pegel.InvalidFields, "level f64 in m at 0 instead of level f64 in cm")
    attempt.succeeds("read")


def test_another_writer(attempt: Attempt) -> None:
    with pegel.Writer(attempt.directory / "tank", TANK) as writer:
        writer.publish(RECORD)
        for action in ("write", "create", "unlink"):
            attempt.fails(action, pegel.Locked, "board tank has a writer")
        attempt.succeeds("read")
    attempt.succeeds("write")


@pytest.mark.parametrize("attempt", LIBRARIES, indirect=True)
def test_what_is_not_there_yet_or_no_longer(attempt: Attempt) -> None:
    put_board(attempt.file)
    attempt.fails("conflict", pegel.Conflict, "the newest sequence is 1, not 1000")
    attempt.fails("read_at", pegel.Overwritten, "sequence 1000 is not in the ring")
    attempt.fails("wait", pegel.Timeout, "nothing after sequence 1000")
    attempt.fails("lose", pegel.Gone, "was replaced or removed")


@pytest.mark.parametrize("attempt", ["c", "php", "python"], indirect=True)
def test_a_writer_whose_lock_file_was_removed(attempt: Attempt) -> None:
    put_board(attempt.file)
    lock = attempt.directory / "pegel.tank.lock"
    attempt.fails("lose_lock", pegel.Gone, f"board tank: its lock file {lock} was removed.")
    attempt.succeeds("write")


def test_no_permission_for_the_board(attempt: Attempt) -> None:
    put_board(attempt.file)
    attempt.prefix = UNPRIVILEGED
    attempt.file.chmod(0o400)
    attempt.succeeds("read")
    for action in ("write", "create"):
        attempt.fails(action, pegel.Denied, str(attempt.file))
    attempt.file.chmod(0)
    for action in ("read", "write", "create"):
        attempt.fails(action, pegel.Denied, str(attempt.file))


def test_no_permission_for_the_directory(attempt: Attempt) -> None:
    attempt.prefix = UNPRIVILEGED
    attempt.directory.chmod(0o500)
    attempt.fails("create", pegel.Denied, str(attempt.directory))
    attempt.fails("read", pegel.NotFound, str(attempt.file))
    attempt.directory.chmod(0)
    for action in ("read", "write", "create"):
        attempt.fails(action, pegel.Denied, str(attempt.file))
    attempt.directory.chmod(0o700)


def after_filling_a_tmpfs(attempt: Attempt, first: str) -> None:
    """Attempts happen in a file system of 64 KiB of their own, full after a first command."""
    directory = shlex.quote(str(attempt.directory))
    script = f"""
        mount -t tmpfs -o size=64k pegel {directory}
        {first} >/dev/null
        ! dd if=/dev/zero of={directory}/filler bs=1k status=none 2>/dev/null
        exec "$@"
    """
    attempt.prefix = [*PRIVATE_MOUNTS, "sh", "-ec", script, "sh"]


def test_a_full_file_system(attempt: Attempt) -> None:
    after_filling_a_tmpfs(attempt, "true")
    attempt.fails("create", pegel.NoSpace, str(attempt.directory))


def test_a_board_in_a_file_system_that_became_full(attempt: Attempt) -> None:
    after_filling_a_tmpfs(attempt, shlex.join(attempt.command("create")))
    attempt.succeeds("write")


def test_a_board_that_cannot_grow_in_a_full_file_system(attempt: Attempt) -> None:
    schema = "field = [{ name = 'level', type = 'f64', unit = 'm' }]"
    create = [str(built("target/release/pegel")), "create", str(attempt.directory / "tank")]
    first = f"echo {shlex.quote(schema)} | {shlex.join([*create, '/dev/stdin'])}"
    after_filling_a_tmpfs(attempt, first)
    attempt.fails("create", pegel.NoSpace, str(attempt.directory))
    attempt.fails("read", pegel.Empty, "nothing has been published")


def test_no_files_of_that_size(attempt: Attempt) -> None:
    attempt.prefix = ["prlimit", "--fsize=2000"]
    attempt.fails("create", pegel.NoSpace, "ulimit -f")
    assert not list(attempt.directory.iterdir())
    put_board(attempt.file)
    attempt.succeeds("write")


def test_strangers_boards_where_everybody_may_create() -> None:
    if not IS_ROOT:
        pytest.fail("this needs two other users: run it as root")
    source = str(ROOT / "tests/safety/refusals/attempt.c")
    library = str(built("target/release/libpegel.a"))
    # Not below pytest's directory, which is for its user alone.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o1777)
        program = f"{directory}/attempt"
        command = ["gcc", "-std=c99", *STRICT, f"-I{ROOT}/include", source, library, "-o", program]
        done = run([*command, "-lpthread", "-ldl", "-lm"])
        assert done.returncode == 0, done.stderr

        def status(user: int, group: int, action: str) -> int:
            drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
            done = run([*drop, program, action, f"{directory}/tank"])
            assert (done.returncode, done.stderr) == (0, "")
            return int(done.stdout.split("\t")[0])

        somebody, stranger, shared = 61001, 61002, 61003
        assert status(somebody, shared, "create") == 0
        Path(f"{directory}/pegel.tank").chmod(0o644)
        assert status(stranger, stranger, "read") == pegel.Untrusted.code
        assert status(stranger, stranger, "read_untrusted") == 0
        assert status(stranger, shared, "read") == 0
        assert status(0, 0, "read") == 0
        # Left there before the directory was its owner's alone.
        Path(directory).chmod(0o755)
        assert status(stranger, stranger, "read") == pegel.Untrusted.code
        os.chown(f"{directory}/pegel.tank", 0, 0)
        assert status(stranger, stranger, "read") == 0
