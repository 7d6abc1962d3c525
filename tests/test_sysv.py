"""`pegel sysv` beside scripts in Python and PHP that know nothing of boards."""

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sysv_ipc

import pegel
from programs import ROOT, Conversation, built, environment, php, python, run
from units import verify_unit

WATCHDOG = 60
SIZE = 4096
SCRIPTS = {"python": python("tests/sysv/script.py"), "php": php("tests/sysv/script.php")}
FIELDS = {
    "level": pegel.f64("m", min=0, max=5),
    "pumps": pegel.Field("u16", count=2),
    "note": pegel.text(24),
    "fault": pegel.Field("i32", optional=True),
}
RECORD = {"level": 1.5, "pumps": [1, 2], "note": "läuft", "fault": None}
numbers = itertools.count(1)


@pytest.fixture
def key() -> Iterator[int]:
    """A key of the test's own, with nothing left behind it."""
    number = 0x40000000 | os.getpid() << 8 & 0x3FFFFF00 | next(numbers) & 0xFF
    remove(number)
    yield number
    remove(number)


def remove(number: int) -> None:
    with contextlib.suppress(sysv_ipc.ExistentialError):
        sysv_ipc.SharedMemory(number).remove()
    with contextlib.suppress(sysv_ipc.ExistentialError):
        sysv_ipc.Semaphore(number).remove()


def is_there(number: int) -> bool:
    try:
        sysv_ipc.SharedMemory(number).detach()
        sysv_ipc.Semaphore(number)
    except sysv_ipc.ExistentialError:
        return False
    return True


class Bridge:
    def __init__(self, place: Path, board: str, key: int, *arguments: str) -> None:
        command = [str(built("target/release/pegel")), "sysv", "--board", board]
        command += ["--key", hex(key), "--size", str(SIZE), *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment(place), stdin=pipe, stderr=pipe, text=True
        )
        self.place, self.board = place, board
        wait_for(lambda: self.process.poll() is not None or (is_there(key) and self.status()))

    def status(self) -> dict[str, Any]:
        with pegel.Reader(self.place / f"{self.board}-sysv") as reader:
            return dict(reader.read())

    def end(self) -> str:
        """Ends it well; what it complained of."""
        self.process.send_signal(signal.SIGTERM)
        _, complaint = self.process.communicate(timeout=WATCHDOG)
        assert self.process.returncode == 0, complaint
        return complaint

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def bridged(
    place: Path, board: str, key: int, *arguments: str, complaint: str = ""
) -> Iterator[Bridge]:
    bridge = Bridge(place, board, key, *arguments)
    try:
        yield bridge
        told = bridge.end()
        assert (complaint in told) if complaint else not told
    finally:
        bridge.kill()


@contextmanager
def script(language: str, key: int) -> Iterator[Conversation]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*SCRIPTS[language], str(key)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield Conversation(process)
        finally:
            process.kill()


def wait_for(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + WATCHDOG
    while True:
        with contextlib.suppress(pegel.NotFound, pegel.Empty):
            if is_so():
                return
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def shown(talk: Conversation) -> Any:
    text = talk.ask("read")
    return json.loads(text) if text else None


def see(talk: Conversation, record: Any) -> None:
    wait_for(lambda: shown(talk) == record)


def has(reader: pegel.Reader, field: str, value: Any) -> bool:
    return bool(reader.read()[field] == value)


def test_a_board_is_shown_to_scripts_of_both_languages(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    with (
        bridged(tmp_path, "tank", key) as bridge,
        script("python", key) as one,
        script("php", key) as other,
    ):
        for level in [1.5, 2.5, 0.25]:
            record = RECORD | {"level": level}
            writer.publish(record)
            see(one, record)
            assert shown(other) == record
        assert bridge.status()["sequence"] == writer.sequence
        assert sysv_ipc.SharedMemory(key).size == SIZE
    # It stays there, as boards do.
    assert is_there(key)


def test_lines_instead_of_json(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS, mode=0o660)
    writer.publish(RECORD | {"note": "two\nlines\\"})
    writer.close()
    text = "level=1.5\npumps=1,2\nnote=two\\nlines\\\\\nfault=\n"
    arguments = ["--format", "text", "--write", "tank"]
    with bridged(tmp_path, "tank", key, *arguments):
        memory = sysv_ipc.SharedMemory(key)

        def now() -> str:
            return bytes(memory.read()).split(b"\0", 1)[0].decode()

        wait_for(lambda: now() == text)
        changed = text.replace("1,2", "3,4").replace("fault=", "fault=-7")
        with sysv_ipc.Semaphore(key):
            memory.write(changed.encode().ljust(SIZE, b"\0"))
        reader = pegel.Reader(tmp_path / "tank")
        wait_for(lambda: reader.read()["fault"] == -7)
        assert dict(reader.read()) == RECORD | {
            "pumps": (3, 4),
            "fault": -7,
            "note": "two\nlines\\",
        }


def test_documents_are_shown_as_they_are(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "ahoy", pegel.json(1000), mode=0o660)
    writer.publish({"inverters": [{"power": 21.8}]})
    writer.close()
    with bridged(tmp_path, "ahoy", key, "--write", "ahoy"), script("php", key) as talk:
        see(talk, {"inverters": [{"power": 21.8}]})
        assert talk.ask('write {"inverters": []}') == "written"
        reader = pegel.Reader(tmp_path / "ahoy")
        wait_for(lambda: reader.read().document == {"inverters": []})


@pytest.mark.parametrize("language", SCRIPTS)
def test_what_scripts_write_is_published(tmp_path: Path, key: int, language: str) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).close()
    reader = pegel.Reader(tmp_path / "config")
    refused = "was refused: "
    with (
        bridged(tmp_path, "config", key, "--write", "config", complaint=refused) as bridge,
        script(language, key) as talk,
    ):

        def complains(reason: str) -> None:
            wait_for(lambda: reason in bridge.status()["complaint"])

        # The first record needs all fields.
        assert talk.ask('write {"level": 1.5}') == "written"
        complains("the first record needs all fields, pumps too")
        assert talk.ask(f"write {json.dumps(RECORD)}") == "written"
        wait_for(lambda: reader.sequence == 1)
        assert dict(reader.read()) == RECORD | {"pumps": (1, 2)}
        wait_for(lambda: bridge.status()["complaint"] == "")

        # What is wrong is refused as a whole, and the record shown again.
        see(talk, RECORD)
        whole = talk.ask("read")
        for text, reason in [
            ('{"level": 7, "note": "x"}', "field level has to be"),
            ('{"level": "high"}', 'field level: "high" is no f64'),
            ('{"leval": 2}', "leval"),
            ('{"level": 2', "it is no JSON object of fields"),
            ('{"pumps": [1]}', "pumps"),
        ]:
            assert talk.ask(f"write {text}") == "written"
            complains(reason)
            wait_for(lambda: talk.ask("read") == whole)
        assert reader.sequence == 1

        # What a script left as it was is not changed back.
        stale = shown(talk)
        with pegel.Writer.open(tmp_path / "config", timeout=WATCHDOG) as writer:
            writer.update(note="by others")
        wait_for(lambda: (shown(talk) or {}).get("note") == "by others")
        assert talk.ask(f"write {json.dumps(stale | {'note': 'by others', 'level': 2.5})}")
        wait_for(lambda: reader.read()["level"] == 2.5)
        assert reader.read()["note"] == "by others"


def test_both_sides_change_other_fields_and_lose_nothing(tmp_path: Path, key: int) -> None:
    fields = {"script": pegel.u32(default=0), "board": pegel.u32(default=0)}
    pegel.Writer(tmp_path / "config", fields, mode=0o660).close()
    reader = pegel.Reader(tmp_path / "config")
    with bridged(tmp_path, "config", key, "--write", "config", "--timeout", "60"):
        memory, semaphore = sysv_ipc.SharedMemory(key), sysv_ipc.Semaphore(key)
        for number in range(1, 31):
            with pegel.Writer.open(tmp_path / "config", timeout=WATCHDOG) as writer:
                writer.update(board=number)

            def change(number: int = number) -> bool:
                with semaphore:
                    text = bytes(memory.read()).split(b"\0", 1)[0]
                    if not text:
                        return False
                    record = json.loads(text) | {"script": number}
                    memory.write(json.dumps(record).encode().ljust(SIZE, b"\0"))
                return True

            wait_for(change)
            wait_for(functools.partial(has, reader, "script", number))
            assert reader.read()["board"] == number


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_killed_holder_holds_nobody_up(tmp_path: Path, key: int, language: str) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    with bridged(tmp_path, "tank", key, complaint="is held by process"):
        with script(language, key) as holder:
            assert holder.ask("hold") == "held"
            writer.publish(RECORD | {"level": 2.5})
            wait_for(lambda: "is held by process" in complaint_of(tmp_path))
            holder.process.kill()
        with script(language, key) as talk:
            wait_for(lambda: (shown(talk) or {}).get("level") == 2.5)
        wait_for(lambda: complaint_of(tmp_path) == "")


def complaint_of(place: Path) -> str:
    with pegel.Reader(place / "tank-sysv") as reader:
        return str(reader.read()["complaint"])


def test_a_holder_without_undo_is_told_by_doctor(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    doctor = [str(built("target/release/pegel")), "doctor", "--json"]
    with bridged(tmp_path, "tank", key, complaint="which has ended without freeing it"):
        with script("python", key) as holder:
            assert holder.ask("hold for ever") == "held"
            process = holder.process.pid
            holder.process.kill()
        writer.publish(RECORD | {"level": 2.5})
        told = f"by process {process}, which has ended without freeing it"
        wait_for(lambda: told in complaint_of(tmp_path))
        done = run(doctor, environment(tmp_path))
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        (finding,) = [one for one in findings if one["about"] == "System V (tank)"]
        assert (done.returncode, finding["state"]) == (1, "wrong")
        assert told in finding["told"]
        # As the complaint says.
        sysv_ipc.Semaphore(key).release()
        with script("php", key) as talk:
            wait_for(lambda: (shown(talk) or {}).get("level") == 2.5)
        wait_for(lambda: complaint_of(tmp_path) == "")
        findings = [
            json.loads(line) for line in run(doctor, environment(tmp_path)).stdout.splitlines()
        ]
        (finding,) = [one for one in findings if one["about"] == "System V (tank)"]
        assert finding["state"] == "ok"


@pytest.mark.parametrize("language", SCRIPTS)
def test_half_a_text_is_not_published(tmp_path: Path, key: int, language: str) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).publish(RECORD)
    with bridged(tmp_path, "config", key, "--write", "config", complaint="it is no JSON"):
        with script(language, key) as talk:
            see(talk, RECORD)
            whole = talk.ask("read")
            assert talk.ask('half {"level": 4.25, "pum') == "held"
            talk.process.kill()
        with script(language, key) as talk:
            wait_for(lambda: talk.ask("read") == whole)
    assert pegel.Reader(tmp_path / "config").sequence == 1


def test_a_killed_bridge_goes_on_where_it_was(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).publish(RECORD)
    reader = pegel.Reader(tmp_path / "config")
    arguments = ["--write", "config"]
    with script_after(tmp_path, key, arguments) as talk:
        # Only others wrote meanwhile, on the board: the old text is no change.
        with pegel.Writer.open(tmp_path / "config") as writer:
            writer.update(note="by others")
        with bridged(tmp_path, "config", key, *arguments):
            wait_for(lambda: (shown(talk) or {}).get("note") == "by others")
        assert reader.sequence == 2
        # What a script wrote meanwhile is published, beside what others changed.
        bridge = Bridge(tmp_path, "config", key, *arguments)
        wait_for(lambda: bridge.status()["shown"] >= 3)
        bridge.kill()
        now = shown(talk)
        with pegel.Writer.open(tmp_path / "config") as writer:
            writer.update(note="by others again")
        assert talk.ask(f"write {json.dumps(now | {'level': 2.5})}") == "written"
        with bridged(tmp_path, "config", key, *arguments):
            wait_for(lambda: reader.read()["level"] == 2.5)
            assert reader.read()["note"] == "by others again"


@contextmanager
def script_after(place: Path, key: int, arguments: list[str]) -> Iterator[Conversation]:
    """A script that runs on while its bridge is killed."""
    bridge = Bridge(place, "config", key, *arguments)
    with script("php", key) as talk:
        see(talk, RECORD)
        bridge.kill()
        yield talk


def test_a_bridge_that_is_killed_at_any_time_leaves_no_half_text(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", number=pegel.u64(), text=pegel.text(3000))
    writer.publish(number=0, text="")
    with contextlib.ExitStack() as stack:
        talk = None
        for number in range(1, 26):
            bridge = Bridge(tmp_path, "tank", key)
            for step in range(20):
                writer.publish(number=number * 100 + step, text=str(step % 10) * 3000)
            bridge.kill()
            talk = talk or stack.enter_context(script("python", key))
            record = shown(talk)
            # None is one that was being written.
            assert record is None or set(record["text"]) <= {str(record["number"] % 10)}


def test_what_is_removed_is_made_anew(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    with bridged(tmp_path, "tank", key, complaint="somebody removed the shared memory"):
        with script("python", key) as talk:
            see(talk, RECORD)
        remove(key)
        wait_for(lambda: is_there(key))
        with script("php", key) as talk:
            see(talk, RECORD)


def test_a_board_that_is_replaced_is_shown_on(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
    writer.publish(level=1.5)
    with bridged(tmp_path, "tank", key), script("python", key) as talk:
        see(talk, {"level": 1.5})
        writer.close()
        fields = {"level": pegel.f64("m"), "rain": pegel.bool_(default=False)}
        with pegel.Writer(tmp_path / "tank", fields) as writer:
            writer.publish(level=2.5, rain=True)
        see(talk, {"level": 2.5, "rain": True})


def test_a_file_that_is_removed_by_hand(tmp_path: Path, key: int) -> None:
    """`rm` marks no board as gone: who has it open can read it as before."""
    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    with (
        bridged(tmp_path, "tank", key, complaint="no board tank") as bridge,
        script("python", key) as talk,
    ):
        see(talk, RECORD)
        (tmp_path / "pegel.tank").unlink()
        wait_for(lambda: "no board tank" in bridge.status()["complaint"])
        pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD | {"level": 2.5})
        see(talk, RECORD | {"level": 2.5})


def test_it_removes_what_it_made_if_that_is_wanted(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    with bridged(tmp_path, "tank", key, "--remove-at-end"):
        assert is_there(key)
    assert not is_there(key)


def test_what_cannot_be_shown_is_told(tmp_path: Path, key: int) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        command = [str(built("target/release/pegel")), "sysv", *arguments]
        done = run(command, environment(tmp_path))
        return done.returncode, done.stderr

    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    status, told = complaint("--board", "nothing", "--key", hex(key))
    assert (status, "nothing" in told) == (1, True)
    for wrong in ["0", "0x", "tank", "0x1ffffffff"]:
        assert complaint("--board", "tank", "--key", wrong)[0] == 2
    status, told = complaint("--board", "tank", "--key", hex(key), "--write", "config")
    assert (status, "a segment of its own" in told) == (2, True)
    sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, size=8)
    with bridged(tmp_path, "tank", key, complaint="takes 7; end all that use it"):
        wait_for(lambda: "takes 7" in complaint_of(tmp_path))
        # It tries again and again, and none of that is a record that was shown.
        time.sleep(1)
        assert pegel.Reader(tmp_path / "tank-sysv").read()["shown"] == 0


@pytest.mark.parametrize("language", SCRIPTS)
def test_the_documentation_works(tmp_path: Path, key: int, language: str) -> None:
    text = (ROOT / "docs/sysv.md").read_text()
    code = text.split(f"```{language}\n")[1].split("```")[0].replace("0x50454745", hex(key))
    prints = "print(inverter)" if language == "python" else "echo json_encode($inverter);"
    program = tmp_path / "script"
    program.write_text(("" if language == "python" else "<?php\n") + code + prints)
    pegel.Writer(tmp_path / "inverter", power=pegel.f64("W"), mode=0o660).publish(power=21.8)
    with bridged(tmp_path, "inverter", key, "--write", "inverter") as bridge:
        wait_for(lambda: bridge.status()["shown"])
        done = run([sys.executable if language == "python" else "php", str(program)])
    told = {"python": "{'power': 21.8}\n", "php": '{"power":21.8}'}[language]
    assert (done.stdout, done.stderr) == (told, "")
    assert pegel.Reader(tmp_path / "inverter").read()["power"] == 21.8


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-sysv@.service", tmp_path, threshold=15)
