"""`pegel sysv` beside scripts in Python and PHP that know nothing of boards."""

import functools
import json
from pathlib import Path

import pytest
import sysv_ipc

import pegel
from helpers.programs import WATCHDOG, built, environment, run, wait_until
from helpers.sysv import (
    FIELDS,
    RECORD,
    SCRIPTS,
    SIZE,
    bridged,
    complaint_of,
    has,
    is_there,
    script,
    see,
    shown,
)


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

        wait_until(lambda: now() == text)
        changed = text.replace("1,2", "3,4").replace("fault=", "fault=-7")
        with sysv_ipc.Semaphore(key):
            memory.write(changed.encode().ljust(SIZE, b"\0"))
        reader = pegel.Reader(tmp_path / "tank")
        wait_until(lambda: reader.read()["fault"] == -7)
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
        wait_until(lambda: reader.read().document == {"inverters": []})


@pytest.mark.parametrize("language", SCRIPTS)
def test_what_scripts_write_is_published(tmp_path: Path, key: int, language: str) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).close()
    reader = pegel.Reader(tmp_path / "config")
    refused = "was rejected: "
    with (
        bridged(tmp_path, "config", key, "--write", "config", complaint=refused) as bridge,
        script(language, key) as talk,
    ):

        def complains(reason: str) -> None:
            wait_until(lambda: reason in bridge.status()["last_failure"])

        # The first record needs all fields.
        assert talk.ask('write {"level": 1.5}') == "written"
        complains("field pumps (u16) is missing")
        assert talk.ask(f"write {json.dumps(RECORD)}") == "written"
        wait_until(lambda: reader.sequence == 1)
        assert dict(reader.read()) == RECORD | {"pumps": (1, 2)}
        wait_until(lambda: bridge.status()["state"] == "ok")

        # What is wrong is refused as a whole, and the record shown again.
        see(talk, RECORD)
        whole = talk.ask("read")
        for text, reason in [
            ('{"level": 7, "note": "x"}', "field level must be"),
            ('{"level": "high"}', 'field level must be f64 (got "high")'),
            ('{"leval": 2}', "leval"),
            ('{"level": 2', "not a JSON object of fields"),
            ('{"pumps": [1]}', "pumps"),
        ]:
            assert talk.ask(f"write {text}") == "written"
            complains(reason)
            wait_until(lambda: talk.ask("read") == whole)
        assert reader.sequence == 1

        # What a script left as it was is not changed back.
        stale = shown(talk)
        with pegel.Writer.open(tmp_path / "config", timeout=WATCHDOG) as writer:
            writer.update(note="by others")
        wait_until(lambda: (shown(talk) or {}).get("note") == "by others")
        assert talk.ask(f"write {json.dumps(stale | {'note': 'by others', 'level': 2.5})}")
        wait_until(lambda: reader.read()["level"] == 2.5)
        assert reader.read()["note"] == "by others"


def test_both_sides_change_other_fields_and_lose_nothing(tmp_path: Path, key: int) -> None:
    fields = {"script": pegel.u32(default=0), "board": pegel.u32(default=0)}
    pegel.Writer(tmp_path / "config", fields, mode=0o660).close()
    reader = pegel.Reader(tmp_path / "config")
    with bridged(tmp_path, "config", key, "--write", "config", "--timeout", str(WATCHDOG)):
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

            wait_until(change)
            wait_until(functools.partial(has, reader, "script", number))
            assert reader.read()["board"] == number


@pytest.mark.parametrize("language", SCRIPTS)
def test_a_killed_holder_holds_nobody_up(tmp_path: Path, key: int, language: str) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    with bridged(tmp_path, "tank", key, complaint="is held by process"):
        with script(language, key) as holder:
            assert holder.ask("hold") == "held"
            writer.publish(RECORD | {"level": 2.5})
            wait_until(lambda: "is held by process" in complaint_of(tmp_path))
            holder.process.kill()
        with script(language, key) as talk:
            wait_until(lambda: (shown(talk) or {}).get("level") == 2.5)
        wait_until(lambda: complaint_of(tmp_path) == "")


def test_doctor_reports_a_holder_without_undo(tmp_path: Path, key: int) -> None:
    writer = pegel.Writer(tmp_path / "tank", FIELDS)
    writer.publish(RECORD)
    doctor = [str(built("target/release/pegel")), "doctor", "--json"]
    with bridged(tmp_path, "tank", key, complaint="which exited without releasing it"):
        with script("python", key) as holder:
            assert holder.ask("hold for ever") == "held"
            process = holder.process.pid
            holder.process.kill()
        writer.publish(RECORD | {"level": 2.5})
        reason = f"by process {process}, which exited without releasing it"
        wait_until(lambda: reason in complaint_of(tmp_path))
        done = run(doctor, environment(tmp_path))
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        (finding,) = [one for one in findings if one["subject"] == "System V (tank)"]
        assert (done.returncode, finding["status"]) == (1, "problem")
        assert reason in finding["message"]
        # What the message advises.
        sysv_ipc.Semaphore(key).release()
        with script("php", key) as talk:
            wait_until(lambda: (shown(talk) or {}).get("level") == 2.5)
        wait_until(lambda: complaint_of(tmp_path) == "")
        findings = [
            json.loads(line) for line in run(doctor, environment(tmp_path)).stdout.splitlines()
        ]
        (finding,) = [one for one in findings if one["subject"] == "System V (tank)"]
        assert finding["status"] == "ok"


@pytest.mark.parametrize("language", SCRIPTS)
def test_half_a_text_is_not_published(tmp_path: Path, key: int, language: str) -> None:
    pegel.Writer(tmp_path / "config", FIELDS, mode=0o660).publish(RECORD)
    with bridged(tmp_path, "config", key, "--write", "config", complaint="not a JSON object"):
        with script(language, key) as talk:
            see(talk, RECORD)
            whole = talk.ask("read")
            assert talk.ask('half {"level": 4.25, "pum') == "held"
            talk.process.kill()
        with script(language, key) as talk:
            wait_until(lambda: talk.ask("read") == whole)
    assert pegel.Reader(tmp_path / "config").sequence == 1
