"""`pegel sysv` when something is killed, removed or replaced, and as a service."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sysv_ipc

import pegel
from helpers.programs import ROOT, Conversation, built, environment, run, wait_until
from helpers.systemd import verify_unit
from helpers.sysv import (
    FIELDS,
    RECORD,
    SCRIPTS,
    Bridge,
    bridged,
    complaint_of,
    is_there,
    remove,
    script,
    see,
    shown,
)


def test_a_killed_bridge_goes_on_where_it_was(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).publish(RECORD)
    reader = pegel.Reader(tmp_path / "config")
    arguments = ["--write", "config"]
    with script_after(tmp_path, key, arguments) as talk:
        # Only others wrote meanwhile, on the board: the old text changes nothing.
        with pegel.Writer.open(tmp_path / "config") as writer:
            writer.update(note="by others")
        with bridged(tmp_path, "config", key, *arguments):
            wait_until(lambda: (shown(talk) or {}).get("note") == "by others")
        assert reader.sequence == 2
        # What a script wrote meanwhile is published, beside what others changed.
        bridge = Bridge(tmp_path, "config", key, *arguments)
        wait_until(lambda: bridge.status()["shown"] >= 3)
        bridge.kill()
        now = shown(talk)
        with pegel.Writer.open(tmp_path / "config") as writer:
            writer.update(note="by others again")
        assert talk.ask(f"write {json.dumps(now | {'level': 2.5})}") == "written"
        with bridged(tmp_path, "config", key, *arguments):
            wait_until(lambda: reader.read()["level"] == 2.5)
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
    with bridged(tmp_path, "tank", key, complaint="a script removed the shared memory"):
        with script("python", key) as talk:
            see(talk, RECORD)
        remove(key)
        wait_until(lambda: is_there(key))
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
    """`rm` does not mark a board as gone: a reader that has it open can still read it."""
    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    with (
        bridged(tmp_path, "tank", key, complaint="no board tank") as bridge,
        script("python", key) as talk,
    ):
        see(talk, RECORD)
        (tmp_path / "pegel.tank").unlink()
        wait_until(lambda: "no board tank" in bridge.status()["last_failure"])
        pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD | {"level": 2.5})
        see(talk, RECORD | {"level": 2.5})


def test_it_removes_what_it_made_if_that_is_wanted(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    with bridged(tmp_path, "tank", key, "--remove-on-exit"):
        assert is_there(key)
    assert not is_there(key)


def test_reports_what_cannot_be_shown(tmp_path: Path, key: int) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        command = [str(built("target/release/pegel")), "sysv", *arguments]
        done = run(command, environment(tmp_path))
        return done.returncode, done.stderr

    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    status, message = complaint("--board", "nothing", "--key", hex(key))
    assert (status, "nothing" in message) == (1, True)
    for wrong in ["0", "0x", "tank", "0x1ffffffff"]:
        assert complaint("--board", "tank", "--key", wrong)[0] == 2
    status, message = complaint("--board", "tank", "--key", hex(key), "--write", "config")
    assert (status, "a segment of its own" in message) == (2, True)
    sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, size=8)
    with bridged(tmp_path, "tank", key, complaint="must have at most 8 bytes"):
        wait_until(lambda: "at most 8" in complaint_of(tmp_path))
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
        wait_until(lambda: bridge.status()["shown"])
        done = run([sys.executable if language == "python" else "php", str(program)])
    printed = {"python": "{'power': 21.8}\n", "php": '{"power":21.8}'}[language]
    assert (done.stdout, done.stderr) == (printed, "")
    assert pegel.Reader(tmp_path / "inverter").read()["power"] == 21.8


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-sysv@.service", tmp_path, threshold=15)
