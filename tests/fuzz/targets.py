"""What parses bytes of others, as a target: a running program that takes one input after another.

After every input, each checks that the program lives, that it has accepted or rejected the input,
and that no board holds what its schema forbids; at the end, that it has complained of nothing else.
"""

import itertools
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sysv_ipc

import pegel
from helpers import http, mqtt, serial, sysv
from helpers.programs import ROOT, built, environment, run, wait_until

FIELDS = {
    "level": pegel.f64("m", min=0, max=5, default=1.5),
    "pumps": pegel.u16(count=2, default=[1, 2]),
    "note": pegel.text(24, default=""),
    "total": pegel.u64(default=2**64 - 1),
    "on": pegel.bool_(default=False),
    "fault": pegel.i32(optional=True),
    "ratio": pegel.f32(optional=True),
}

# Takes an input, and returns what became of it.
Take = Callable[[bytes], str]
Program = Callable[[Path], AbstractContextManager[Take]]


@dataclass
class Target:
    """A program in a directory of its own, its corpus, and the outcomes that inputs must have."""

    program: Program
    corpus: str
    outcomes: set[str]


def boards(place: Path) -> pegel.Reader:
    """Two shared boards: of fields, and of a JSON document."""
    pegel.Writer(place / "tank", FIELDS, mode=0o660).close()
    with pegel.Writer(place / "notes", pegel.json(4096), mode=0o660) as writer:
        writer.publish({"rows": []})
    return pegel.Reader(place / "tank")


def check(tank: pegel.Reader) -> None:
    record = tank.read()
    assert 0 <= record["level"] <= 5
    assert len(record["note"].encode()) <= 24
    assert record["fault"] is None or abs(record["fault"]) <= 2**31


@contextmanager
def body(place: Path) -> Iterator[Take]:
    """Bodies of HTTP requests, for fields and for a document in turn."""
    tank, asked = boards(place), itertools.count()
    notes = pegel.Reader(place / "notes")
    arguments = ["--write", "tank", "notes", *http.token_file(place)]
    headers = http.BEARER | http.JSON
    with http.serving(place, *arguments) as server, closing(server.connect()) as connection:

        def take(data: bytes) -> str:
            number = next(asked)
            path = "/boards/notes" if number % 4 == 3 else "/boards/tank"
            connection.request("PUT" if number % 2 else "PATCH", path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in {200, 400, 409, 413, 422}, (answer.status, text)
            check(tank)
            notes.read()
            return str(answer.status)

        yield take


def counted(status: dict[str, Any]) -> int:
    return int(status["accepted"] + status["rejected"]) if status else 0


@contextmanager
def payload(place: Path) -> Iterator[Take]:
    """Payloads of MQTT commands: objects of fields, single fields, documents."""
    tank, said = boards(place), itertools.count()
    topics = ["tank/set", "tank/set/note", "tank/set/pumps", "tank/set/level", "notes/set"]
    broker = mqtt.Broker(place / "broker")
    arguments = ["--board", "tank", "notes", "--write", "tank", "notes", "--prefix", "fuzz"]
    try:
        with mqtt.bridged(place, broker, *arguments) as bridge, mqtt.listening(broker) as listener:
            bridge.wait_until_well()

            def take(data: bytes) -> str:
                number = next(said)
                listener.say(f"fuzz/{topics[number % len(topics)]}", data)
                # The bridge reports once a second.
                if number % 100 < 99:
                    return "sent"
                wait_until(lambda: counted(bridge.status()) == number + 1, "an answer to all")
                check(tank)
                now = bridge.status()
                return "both" if now["accepted"] and now["rejected"] else "one"

            yield take
    finally:
        broker.kill()


def lines(text: str, sane: Callable[[int], bytes]) -> Program:
    """Lines of a serial port; after each input comes a good record, which must be published."""

    @contextmanager
    def target(place: Path) -> Iterator[Take]:
        line, numbers = serial.Line(place), itertools.count(1)
        with serial.serial(place, text):

            def take(data: bytes) -> str:
                number = next(numbers)
                line.say(data + b"\n" + sane(number))
                wait_until(lambda: serial.newest(place)["power"] == number, "the good record")
                return "taken"

            yield take
            wait_until(lambda: serial.counters(place)["bad"] > 0, "a bad line")

    return target


def telegram(number: int) -> bytes:
    lines = [
        *("/EBZ5", "1-0:96.1.0*255(1EBZ0100000000)", "1-0:1.8.0*255(000001.71600000*kWh)"),
        *("1-0:2.8.0*255(000002.25000000*kWh)", f"1-0:16.7.0*255({number:06}.00*W)", "!"),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


SAVED = [{"level": float(level), "note": "n" * level} for level in (1, 2, 3)]


def pegel_(place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs the program, which must end with status 0, or with a complaint, and not panic."""
    settings = environment(place) | {"PEGEL_DURABLE_DIR": str(place / "disk")}
    done = run([str(built("target/release/pegel")), *arguments], settings)
    assert done.returncode in {0, 1, 2}, (arguments, done.returncode, done.stderr)
    assert (done.returncode != 0) == done.stderr.startswith("pegel: "), (arguments, done.stderr)
    return done


@contextmanager
def saved(place: Path) -> Iterator[Take]:
    """Snapshot files and copies of durable files: what was saved is loaded, or nothing."""
    (place / "disk").mkdir()

    def take(data: bytes) -> str:
        (place / "file").write_bytes(data)
        if pegel_(place, "load", str(place / "file"), "copy", "--replace").returncode:
            return "refused"
        with pegel.Reader(place / "copy") as reader:
            records = [dict(snapshot) for snapshot in reader.last(3)]
        # A checksum covers each record.
        assert records in (SAVED, SAVED[-1:]), records
        return "loaded"

    yield take


@contextmanager
def schema(place: Path) -> Iterator[Take]:
    """Schema files: refused, or a board whose own schema file describes the same board."""
    file = place / "schema.toml"

    def take(data: bytes) -> str:
        file.write_bytes(data)
        if pegel_(place, "create", "board", str(file)).returncode:
            return "refused"
        file.write_text(pegel_(place, "schema", "board").stdout)
        again = pegel_(place, "create", "board", str(file))
        assert again.returncode == 0, again.stderr
        assert pegel_(place, "rm", "board").returncode == 0
        return "created"

    yield take


def segment(format_: str) -> Program:
    """What scripts write into System V shared memory."""

    @contextmanager
    def target(place: Path) -> Iterator[Take]:
        tank, key = boards(place), 0x40000000 + zlib.crc32(str(place).encode()) % 0x3FFFFFFF
        arguments = ["--format", format_, "--write", "tank"]
        try:
            with sysv.bridged(place, "tank", key, *arguments, complaint="rejected") as bridge:
                memory, semaphore = sysv_ipc.SharedMemory(key), sysv_ipc.Semaphore(key)
                semaphore.undo = True

                def take(data: bytes) -> str:
                    before = bridge.status()
                    text = data[: memory.size].ljust(memory.size, b"\0")
                    with semaphore:
                        is_shown = bytes(memory.read()).rstrip(b" \0") == text.rstrip(b" \0")
                        memory.write(text)

                    def outcome() -> str:
                        now = bridge.status()
                        for outcome in ("accepted", "rejected"):
                            if now[outcome] != before[outcome]:
                                return outcome
                        # An empty text and one that changes nothing are replaced.
                        return "replaced" if is_shown or memory.read() != text else ""

                    wait_until(outcome, "an answer to the text")
                    check(tank)
                    return outcome()

                yield take
        finally:
            sysv.remove(key)

    return target


TAKEN = {"taken"}
METER = (ROOT / "examples/serial/meter.toml").read_text()
TARGETS = {
    "http": Target(body, "json", {"200", "400", "422"}),
    "mqtt": Target(payload, "json", {"both"}),
    "serial-json": Target(
        lines(serial.FIELDS + 'format = "json"', lambda n: f'{{"power": {n}}}\n'.encode()),
        "serial-json",
        TAKEN,
    ),
    "serial-pairs": Target(
        lines(serial.FIELDS + 'format = "pairs"', lambda n: f"power={n}\n".encode()),
        "serial-pairs",
        TAKEN,
    ),
    "serial-csv": Target(
        lines(serial.FIELDS + 'format = "csv"', lambda n: f"power,count\n{n},1\n".encode()),
        "serial-csv",
        TAKEN,
    ),
    "serial-patterns": Target(lines(METER, telegram), "serial-patterns", TAKEN),
    "saved": Target(saved, "saved", {"loaded", "refused"}),
    "schema": Target(schema, "schema", {"created", "refused"}),
    "sysv-json": Target(segment("json"), "json", {"accepted", "rejected"}),
    "sysv-text": Target(segment("text"), "sysv-text", {"accepted", "rejected"}),
}
