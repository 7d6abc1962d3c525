"""One board, several architectures: 64 bits beside 32, emulated by qemu beside native."""

import json
import re
import shutil
import struct
import subprocess
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.programs import ROOT, STRICT, built, converse, environment, run
from languages.test_matrix import LINES, meaning

GOLDEN = ROOT / "tests/format/golden"
# By name: where its programs are, the prefix of its compiler and root, and what runs its programs.
FOREIGN = {
    "aarch64": ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu", "qemu-aarch64-static"),
    "armv7": ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf", "qemu-arm-static"),
}
ARCHES = ("x86_64", *FOREIGN)
PAIRS = list(permutations(ARCHES, 2))


class Arch:
    """The programs of an architecture."""

    def __init__(self, name: str, directory: Path) -> None:
        self.directory = directory
        self.name, self.compiler, self.emulator = name, "gcc", list[str]()
        self.build = "target/release"
        if name in FOREIGN:
            target, gnu, qemu = FOREIGN[name]
            self.compiler, self.emulator = f"{gnu}-gcc", [qemu, "-L", f"/usr/{gnu}"]
            self.build = f"target/arches/{target}/debug"

    def program(self, name: str) -> list[str]:
        """One in Rust."""
        return [*self.emulator, str(built(f"{self.build}/{name}"))]

    def c_program(self, source: str) -> list[str]:
        """One in C, linked to the architecture's library."""
        program = self.directory / f"{Path(source).stem}-{self.name}"
        if not program.exists():
            library = built(f"{self.build}/libpegel.so.1")
            command = [self.compiler, "-std=c99", *STRICT, f"-I{ROOT}/include", str(ROOT / source)]
            link = [str(library), f"-Wl,-rpath,{library.parent}", "-o", str(program)]
            done = run([*command, *link])
            assert done.returncode == 0, done.stderr
        return [*self.emulator, str(program)]

    def pegel(self, boards: Path, *arguments: str) -> str:
        """What the program `pegel` prints."""
        done = run([*self.program("pegel"), *arguments], environment(boards))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def arches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Arch]:
    directory = tmp_path_factory.mktemp("arches")
    return {name: Arch(name, directory) for name in ARCHES}


@pytest.mark.parametrize("arch", FOREIGN)
def test_the_programs_are_the_architectures(arch: str, arches: dict[str, Arch]) -> None:
    """So that nothing below is a native program by mistake: ELF class and machine."""
    identity = {"aarch64": (2, 183), "armv7": (1, 40)}[arch]
    programs = (
        arches[arch].program("pegel"),
        arches[arch].c_program("tests/languages/matrix/matrix.c"),
    )
    libraries = (built(f"{arches[arch].build}/libpegel.so.1"),)
    for file in (*(Path(program[-1]) for program in programs), *libraries):
        found = file.read_bytes()[:20]
        assert (found[4], struct.unpack_from("<H", found, 18)[0]) == identity


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_every_architecture_reads_every_other(
    writer: str, reader: str, kind: str, arches: dict[str, Arch], tmp_path: Path
) -> None:
    """The reader, in C, waits for each record: the writer, in Rust, wakes it."""
    boards = environment(tmp_path)
    write_command = [*arches[writer].program("matrix"), "write", "all", kind]
    read_command = [
        *arches[reader].c_program("tests/languages/matrix/matrix.c"),
        "read",
        "all",
        kind,
    ]
    with converse(write_command, boards) as write:
        assert write.hear() == "ready"
        with converse(read_command, boards) as read:
            for sequence, line in enumerate(LINES[kind], 1):
                read.say(sequence - 1)
                assert write.ask(line) == str(sequence)
                expected = meaning(kind, f"{sequence}\t1\ttrue\t{line}")
                assert meaning(kind, read.hear()) == expected


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_lock_keeps_others_out_until_its_holder_is_killed(
    first: str, second: str, arches: dict[str, Arch], tmp_path: Path
) -> None:
    boards = environment(tmp_path)
    line = LINES["record"][0]
    holder = [*arches[first].c_program("tests/languages/matrix/matrix.c"), "write", "all", "record"]
    successor = [
        *arches[second].c_program("tests/languages/matrix/matrix.c"),
        "write",
        "all",
        "record",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(holder, env=boards, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        print(line, file=process.stdin, flush=True)
        assert process.stdout.readline() == "1\n"
        refused = run(successor, boards)
        assert refused.returncode > 0
        assert "board all has a writer" in refused.stderr
        assert pegel.Reader(tmp_path / "all").writer_alive
        process.kill()
    assert not pegel.Reader(tmp_path / "all").writer_alive
    with converse(successor, boards) as write:
        assert write.hear() == "ready"
        assert write.ask(line) == "2"
    now = pegel.Reader(tmp_path / "all").read()
    assert (now.sequence, now.generation) == (2, 2)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_board_grows_below_a_reader(
    old: str, new: str, arches: dict[str, Arch], tmp_path: Path
) -> None:
    version = "tests/languages/evolution/version.c"

    def call(arch: str, *arguments: str) -> Any:
        done = run([*arches[arch].c_program(version), *arguments], environment(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if done.stdout else None

    call(old, "first", "write", "1.5")
    watch = [*arches[old].program("pegel"), "watch", "tank", "--json", "--timeout=300"]
    with subprocess.Popen(
        watch, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout
        try:
            assert '"level":1.5' in watching.stdout.readline()
            call(new, "optional", "write", "2.5")
            seen = watching.stdout.readline()
            assert '"level":2.5' in seen, seen
            assert '"wind":1.5' in seen, seen
        finally:
            watching.kill()
    assert call(old, "first", "read") == {"level": 2.5, "rain": True}
    call(old, "first", "write", "3.5")
    assert call(new, "optional", "read") == {"level": 3.5, "rain": True, "wind": None}


@pytest.mark.parametrize("golden", sorted(path.stem for path in GOLDEN.glob("*.board")))
@pytest.mark.parametrize("arch", FOREIGN)
def test_golden_boards_are_read_alike(
    arch: str, golden: str, arches: dict[str, Arch], tmp_path: Path
) -> None:
    shutil.copyfile(GOLDEN / f"{golden}.board", tmp_path / f"pegel.{golden}")
    (tmp_path / f"pegel.{golden}").chmod(0o640)

    def shown(by: str) -> str:
        return re.sub(
            r'"(age|published)":[0-9.]+', "", arches[by].pegel(tmp_path, "show", golden, "--json")
        )

    assert shown(arch) == shown("x86_64")


@pytest.mark.parametrize("golden", ["types", "optional", "defaults", "empty"])
@pytest.mark.parametrize("arch", ARCHES)
def test_golden_boards_are_written_alike(
    arch: str, golden: str, arches: dict[str, Arch], tmp_path: Path
) -> None:
    path, schema = tmp_path / f"pegel.{golden}", tmp_path / "schema.toml"
    shutil.copyfile(GOLDEN / f"{golden}.board", path)
    schema.write_text(arches["x86_64"].pegel(tmp_path, "schema", golden))
    path.unlink()
    golden_board = json.loads((GOLDEN / f"{golden}.json").read_text())

    arches[arch].pegel(tmp_path, "create", golden, str(schema))
    if golden_board["generation"] > 0:
        record = golden_board["history"][str(golden_board["sequence"])]
        values = [f"{field}={word(value)}" for field, value in record.items() if value is not None]
        unknown = [f"--unset={field}" for field, value in record.items() if value is None]
        arches[arch].pegel(tmp_path, "set", golden, *values, *unknown)
    assert comparable(path) == comparable(GOLDEN / f"{golden}.board")


def word(value: Any) -> str:
    """A value as `pegel set` takes it."""
    match value:
        case list():
            return ",".join(map(word, value))
        case bool():
            return json.dumps(value)
        case _:
            return str(value)


def comparable(path: Path) -> bytes:
    """A board's bytes without random values, times, and the count of `pegel create`."""
    board = bytearray(path.read_bytes())
    control, slots, slot_count, slot_size, record = struct.unpack_from("=IIIII", board, 24)
    board[72:80] = board[control + 64 : control + 72] = bytes(8)
    for slot in range(slots, slots + slot_count * slot_size, slot_size):
        stamp = slot + -(-record // 8) * 8
        board[stamp : stamp + 32] = bytes(32)
    return bytes(board)
