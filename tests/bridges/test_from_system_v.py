"""docs/from-system-v.md: its code as printed, and each fault beside a Pegel without it."""

import contextlib
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sysv_ipc

import pegel
from helpers.programs import ROOT, WATCHDOG, environment, run

EXAMPLES = ROOT / "examples/from-system-v"
PRINTED_KEY = "0x50454745"


@pytest.fixture
def key() -> Iterator[int]:
    """A key of this test's own with a semaphore, whose objects are removed whatever happens."""
    key = random.randrange(0x10000000, 0x70000000)
    assert php("var_dump(sem_get((int) $argv[1]) instanceof SysvSemaphore);", key) == "bool(true)"
    yield key
    for kind in (sysv_ipc.SharedMemory, sysv_ipc.Semaphore, sysv_ipc.MessageQueue):
        try:
            kind(key).remove()
        except sysv_ipc.ExistentialError:
            continue


@pytest.fixture
def scripts(tmp_path: Path, key: int) -> Path:
    """The examples, with this test's key, and PHP's package where composer would have put it."""
    for file in EXAMPLES.iterdir():
        text = file.read_text(encoding="utf-8").replace(PRINTED_KEY, hex(key))
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "autoload.php").write_text(f"<?php require '{ROOT}/php-ffi/autoload.php';")
    return tmp_path


def done(scripts: Path, name: str) -> str:
    """What a script says."""
    program = (
        ["php", "-d", f"include_path={scripts}"] if name.endswith(".php") else [sys.executable]
    )
    ended = run([*program, str(scripts / name)], environment(scripts), scripts)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def php(code: str, *arguments: object) -> str:
    """What PHP prints; its warnings, too."""
    ended = run(["php", "-d", "display_errors=1", "-r", code, "--", *map(str, arguments)])
    return ended.stdout.strip()


def killed(code: str, *arguments: object) -> None:
    """Runs Python until it says that it is there, and kills it then."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)


def test_the_document_prints_the_files() -> None:
    text = (ROOT / "docs/from-system-v.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:python|php)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    files = sorted(file.read_text(encoding="utf-8") for file in EXAMPLES.iterdir())
    assert sorted(blocks) == files


@pytest.mark.parametrize("form", ["sysv_", ""])
def test_values_reach_the_page(scripts: Path, form: str) -> None:
    done(scripts, f"{form}values.py")
    assert re.fullmatch(r"21\.8 W, \d+ s old\n", done(scripts, f"{form}values.php"))


@pytest.mark.parametrize("form", ["sysv_", ""])
def test_a_stamp_goes_there_and_back(scripts: Path, form: str) -> None:
    seen = [done(scripts, f"{form}stamp.{language}") for language in ("py", "php", "py")]
    assert seen[0] == "Python saw nothing\n"
    assert re.fullmatch(r"PHP saw \d+\.\d+\n", seen[1])
    assert re.fullmatch(r"Python saw \d+\.\d+\n", seen[2])


def test_a_command_goes_by_the_queue(scripts: Path) -> None:
    done(scripts, "sysv_command.php")
    assert done(scripts, "sysv_command.py") == "limit to 80\n"


HOLD = """
import sys, sysv_ipc
semaphore = sysv_ipc.Semaphore(int(sys.argv[1]))
semaphore.undo = bool(int(sys.argv[2]))
semaphore.acquire()
memory = sysv_ipc.SharedMemory(int(sys.argv[1]), sysv_ipc.IPC_CREAT, size=32)
memory.write(b'{"power": 2')
print("there", flush=True)
sys.stdin.read()
"""
ACQUIRE = "var_dump(sem_acquire(sem_get((int) $argv[1]), true));"


ATTACHED = '$semaphore = sem_get((int) $argv[1]); echo "there\\n"; fgets(STDIN);'


@contextlib.contextmanager
def attached(key: int) -> Iterator[None]:
    """Another page that has the semaphore, as one that waits for it."""
    command = ["php", "-r", ATTACHED, "--", str(key)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as page:
        assert page.stdout
        assert page.stdout.readline() == "there\n"
        yield
        page.communicate("\n")


def test_there_php_refuses_pythons_semaphore(key: int) -> None:
    sysv_ipc.Semaphore(key).remove()
    sysv_ipc.Semaphore(key, sysv_ipc.IPC_CREX, initial_value=1)
    assert "Invalid argument" in php("sem_get((int) $argv[1]);", key)


def test_there_a_killed_holder_blocks_every_page(key: int) -> None:
    with attached(key):
        killed(HOLD, key, 0)
        assert php(ACQUIRE, key) == "bool(false)"


def test_there_undo_hands_out_half_a_record(key: int) -> None:
    killed(HOLD, key, 1)
    read = "$m = shmop_open((int) $argv[1], 'a', 0, 0); echo rtrim(shmop_read($m, 0, 32), \"\\0\");"
    assert php(ACQUIRE + read, key) == 'bool(true)\n{"power": 2'


PUBLISH = """
import sys, pegel
writer = pegel.Writer(sys.argv[1], pegel.json(64))
writer.publish({"power": 21.8})
print("there", flush=True)
while True:
    writer.publish({"power": 21.8})
"""


def test_here_a_killed_writer_blocks_nobody_and_leaves_no_half(tmp_path: Path) -> None:
    board = tmp_path / "values"
    read = f"require '{ROOT}/php-ffi/autoload.php';" + (
        "$now = Pegel\\Reader::open($argv[1])->read();"
        "echo json_encode([$now->document, $now->writerAlive]);"
    )
    for _ in range(10):
        killed(PUBLISH, board)
        assert json.loads(php(read, board)) == [{"power": 21.8}, False]
        with pegel.Writer.open(board, timeout=0) as writer:
            writer.publish({"power": 21.8})


def test_there_the_segment_is_gone_for_a_moment(key: int) -> None:
    memory = sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, size=10)
    memory.remove()
    # Here a page looks.
    assert "bool(false)" in php("var_dump(@shmop_open((int) $argv[1], 'a', 0, 0));", key)


def test_here_a_change_of_shape_is_one_step(tmp_path: Path) -> None:
    board = tmp_path / "values"
    with pegel.Writer(board, power=pegel.f64("W")) as writer:
        writer.publish(power=1.0)
    reader = pegel.Reader(board)
    changes = [
        f"import pegel; w = pegel.Writer({str(board)!r}, replace=True, a{number}=pegel.f64());"
        f" w.publish(a{number}=1)"
        for number in range(20)
    ]
    command = [sys.executable, "-c", "\n".join(f"{change}\nw.close()" for change in changes)]
    with subprocess.Popen(command) as process:
        looks = 0
        while process.poll() is None:
            try:
                names = list(pegel.Reader(board).read())
            except (pegel.Empty, pegel.Gone):
                # The new one, of which nothing is published yet; or it came between the two steps.
                continue
            assert len(names) == 1
            looks += 1
        assert process.returncode == 0
    assert looks > 0
    with pytest.raises(pegel.Gone):
        reader.wait(reader.sequence, timeout=WATCHDOG)


def test_there_sizes_by_characters_cut_the_end_and_leave_a_rest(key: int) -> None:
    text = json.dumps({"note": "trübe"}, ensure_ascii=False)
    memory = sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, size=len(text))
    memory.write(text.encode()[: len(text)])
    read = "echo json_encode(json_decode(shmop_read(shmop_open((int) $argv[1], 'a', 0, 0), 0, 0)));"
    assert php(read, key) == "null"
    memory.write(json.dumps({"n": 1}).encode())
    assert php(read, key) == "null"


def test_here_lengths_are_the_librarys(tmp_path: Path) -> None:
    read = f"require '{ROOT}/php-ffi/autoload.php';" + (
        "echo json_encode(Pegel\\Reader::open($argv[1])->read(), JSON_UNESCAPED_UNICODE);"
    )
    with pegel.Writer(tmp_path / "values", pegel.json(64)) as writer:
        for document in ({"note": "trübe"}, {"n": 1}):
            writer.publish(document)
            assert json.loads(php(read, tmp_path / "values")) == document
        with pytest.raises(pegel.TooLarge):
            writer.publish({"note": "ü" * 64})


def test_there_a_reset_semaphore_lets_two_in(key: int) -> None:
    sysv_ipc.Semaphore(key).acquire()
    with attached(key):
        # Here it does its work; but a script that attached before has reset it.
        sysv_ipc.Semaphore(key).acquire(timeout=WATCHDOG)
        assert php(ACQUIRE, key) == "bool(false)"
    # A page that comes alone, while Python holds it.
    assert php(ACQUIRE, key) == "bool(true)"


def test_here_a_writer_lets_nobody_in_and_there_is_nothing_to_reset(tmp_path: Path) -> None:
    take = f"require '{ROOT}/php-ffi/autoload.php';" + (
        "try { Pegel\\Writer::unlink($argv[1]); } catch (Pegel\\Locked) { echo 'locked '; }"
        "try { Pegel\\Writer::open($argv[1]); } catch (Pegel\\Locked) { echo 'locked'; }"
    )
    with pegel.Writer(tmp_path / "values", power=pegel.f64("W")) as writer:
        writer.publish(power=1.0)
        assert php(take, tmp_path / "values") == "locked locked"
        assert writer.publish(power=2.0) == 2


class Call:
    """What a hostile pickle is made of."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return (os.mkdir, (self.file, 0o700))


def test_there_pickles_are_read_by_python_alone_and_run(tmp_path: Path) -> None:
    text = pickle.dumps({"power": 21.8})
    file = tmp_path / "pickle"
    file.write_bytes(text)
    assert php("var_dump(@unserialize(file_get_contents($argv[1])));", file) == "bool(false)"
    pickle.loads(pickle.dumps(Call(str(tmp_path / "made"))))
    assert (tmp_path / "made").is_dir()


def test_here_what_is_no_json_is_refused(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "values", pegel.json(256))
    with writer, pytest.raises(pegel.InvalidArgument, match="not valid JSON"):
        writer.publish(Call("x"))
