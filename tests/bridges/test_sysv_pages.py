"""`pegel sysv` beside pages of the old kind, and beside segments of other users."""

import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sysv_ipc

import pegel
from helpers.programs import Conversation, built, environment, php, run, wait_until
from helpers.sysv import FIELDS, RECORD, SIZE, bridged, script

STRANGER = 65534
# Seconds between two publications, as many between two reads, and what a busy machine adds at most.
INTERVAL, BOUND = 0.1, 3.0
PAGE = php("tests/bridges/sysv/page.php")


def test_old_pages_decode_the_whole_segment(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    memory: sysv_ipc.SharedMemory | None = None
    with bridged(tmp_path, "tank", key):
        for note in ("x" * 24, ""):
            record = RECORD | {"note": note}
            writer.publish(record)
            memory = memory or sysv_ipc.SharedMemory(key)
            wait_until(functools.partial(decodes, memory, record))
            assert len(bytes(memory.read())) == SIZE


def decodes(memory: sysv_ipc.SharedMemory, record: object) -> bool:
    """Whether the whole segment is JSON of a record; not while it is being written."""
    try:
        return bool(json.loads(bytes(memory.read())) == record)
    except ValueError:
        return False


def test_documents_are_padded_like_json(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "ahoy", pegel.json(SIZE)).publish({"a": 1})
    with bridged(tmp_path, "ahoy", key):
        memory = sysv_ipc.SharedMemory(key)
        wait_until(functools.partial(decodes, memory, {"a": 1}))
    memory.detach()


def test_a_text_fills_the_segment(tmp_path: Path, key: int) -> None:
    text = "x" * (SIZE - len('{"text":""}'))
    pegel.Writer(tmp_path / "ahoy", pegel.json(SIZE)).publish({"text": text})
    with bridged(tmp_path, "ahoy", key):
        memory = sysv_ipc.SharedMemory(key)
        wait_until(functools.partial(decodes, memory, {"text": text}))
        assert bytes(memory.read()).endswith(b"}")
    memory.detach()


def test_pages_that_remove_the_semaphore_see_the_newest_record(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", number=pegel.u64())
    writer.publish(number=0)
    published = [time.monotonic()]
    pipe = subprocess.PIPE
    removed = "a script removed the semaphore"
    with (
        bridged(tmp_path, "tank", key, complaint=removed) as bridge,
        subprocess.Popen(
            [*PAGE, str(key)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as process,
    ):
        page = Conversation(process)
        wait_until(lambda: json.loads(page.ask("read")) == {"number": 0})
        for number in range(1, 60):
            writer.publish(number=number)
            published.append(time.monotonic())
            time.sleep(INTERVAL)
            # The page can meet the bridge while it writes, as it does not hold the semaphore then.
            seen: dict[str, int] | None = None
            while seen is None:
                seen = json.loads(page.ask("read"))
            if seen["number"] < number:
                assert time.monotonic() - published[seen["number"] + 1] < INTERVAL + BOUND
        wait_until(lambda: json.loads(page.ask("read")) == {"number": 59})
        process.kill()
        wait_until(lambda: bridge.status()["renewed"] >= 60)
        now = bridge.status()
        assert (now["state"], now["failures"]) == ("ok", 1)
        assert removed in now["last_failure"]


def test_a_removed_semaphore_is_there_again_at_once(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "tank", FIELDS).publish(RECORD)
    removed = "a script removed the semaphore"
    with bridged(tmp_path, "tank", key, complaint=removed) as bridge:
        for _ in range(200):
            sysv_ipc.Semaphore(key).remove()

            def exists() -> bool:
                try:
                    sysv_ipc.Semaphore(key)
                except sysv_ipc.ExistentialError:
                    return False
                return True

            wait_until(exists)
        # Free, so that a script can hold it.
        with script("php", key) as talk:
            assert json.loads(talk.ask("read")) == RECORD
        # It is reported with the next status.
        wait_until(lambda: bridge.status()["failures"] == 1)


def make_segment(key: int, mode: int, user: int) -> None:
    """A segment that another user creates."""
    code = f"import os, sysv_ipc; os.setuid({user}); "
    code += f"sysv_ipc.SharedMemory({key}, sysv_ipc.IPC_CREX, mode={mode}, size={SIZE})"
    done = run([sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr


def refusal(place: Path, key: int, *arguments: str) -> str:
    command = [str(built("target/release/pegel")), "sysv", "--board", "config"]
    done = run([*command, "--key", hex(key), *arguments], environment(place))
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("arguments", [[], ["--write", "config"], ["--mode", "0666"]])
def test_a_strangers_segment_is_refused(tmp_path: Path, key: int, arguments: list[str]) -> None:
    if os.geteuid() != 0:
        pytest.fail("another user creates the segment: run this test as root")
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o600).publish(RECORD)
    make_segment(key, 0o666, STRANGER)
    reason = refusal(tmp_path, key, *arguments)
    assert f"another user owns or created it (got user {STRANGER} and {STRANGER})" in reason
    assert f"ipcrm -M {key:#x}" in reason
    assert not bytes(sysv_ipc.SharedMemory(key).read()).strip(b"\0 ")


def test_a_segment_that_a_stranger_gave_away_is_refused(tmp_path: Path, key: int) -> None:
    if os.geteuid() != 0:
        pytest.fail("another user creates the segment: run this test as root")
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o600).publish(RECORD)
    make_segment(key, 0o600, STRANGER)
    # The creator can use and remove it, even if another user owns it.
    sysv_ipc.SharedMemory(key).uid = os.geteuid()
    assert f"(got user 0 and {STRANGER})" in refusal(tmp_path, key)


def test_a_segment_that_more_users_can_open_is_refused(tmp_path: Path, key: int) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o600).publish(RECORD)
    memory = sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, mode=0o644, size=SIZE)
    assert "its permissions must be at most 0600 (got 0644)" in refusal(tmp_path, key)
    with bridged(tmp_path, "config", key, "--mode", "0644"):
        wait_until(lambda: bytes(memory.read()).startswith(b"{"))
    memory.detach()
