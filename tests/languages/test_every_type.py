"""Each type of a field, through each face of Pegel.

The header says which types there are. A new one fails here until it has its values below, and then
until each language, the program and each bridge reads and writes it.
"""

import json
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.header import HEADER
from helpers.http import serving as http_serving
from helpers.http import token_file
from helpers.mqtt import Broker, bridged, listening
from helpers.opcua import node, read
from helpers.opcua import serving as opcua_serving
from helpers.programs import (
    ROOT,
    STRICT,
    WATCHDOG,
    Conversation,
    built,
    environment,
    php,
    run,
    wait_until,
)
from helpers.serial import Line
from helpers.sysv import bridged as sysv_bridged
from helpers.sysv import remove, script
from php.site import extension

# For each type, two values as JSON has them.
VALUES: dict[str, tuple[Any, Any]] = {
    "bool": (False, True),
    "i8": (-128, 127),
    "u8": (0, 255),
    "i16": (-(2**15), 2**15 - 1),
    "u16": (0, 2**16 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u32": (0, 2**32 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
    "f32": (-0.5, 0.75),
    "f64": (0.1, -1234.5678901234),
    "text": ("", "läuft"),
    "json": ({}, {"power": [1, None, "ä"]}),
    "bytes": ("cmF3", "Y29va2Vk"),
}
FIRST = {kind: values[0] for kind, values in VALUES.items()}
SECOND = {kind: values[1] for kind, values in VALUES.items()}
SIZED = {"text": 24, "json": 100, "bytes": 100}
DOCUMENTS = ("json", "bytes")
FIELDS = [kind for kind in VALUES if kind not in DOCUMENTS]


def name(kind: str) -> str:
    """Of the type's board; a type's own name can be a word of a language."""
    return f"a-{kind}"


def member(kind: str) -> str:
    return "document" if kind in DOCUMENTS else "value"


def toml(kind: str) -> str:
    """A schema file."""
    head = f'board = "{name(kind)}"\nmode = "0660"\n'
    if kind in DOCUMENTS:
        return f'{head}document = "{kind}"\ncapacity = {SIZED[kind]}\n'
    size = f"size = {SIZED[kind]}\n" if kind in SIZED else ""
    return f'{head}[[field]]\nname = "value"\ntype = "{kind}"\n{size}'


def program(boards: Path, *arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        [str(built("target/release/pegel")), *arguments],
        env=environment(boards),
        cwd=boards.parent,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def publish(boards: Path, values: dict[str, Any]) -> None:
    for kind, value in values.items():
        with pegel.Writer.open(boards / name(kind)) as writer:
            writer.publish(as_python(kind, value) if kind in DOCUMENTS else {"value": value})


def as_python(kind: str, value: Any) -> Any:
    return b64decode(value) if kind == "bytes" else value


def newest(boards: Path, kind: str) -> Any:
    snapshot = pegel.Reader(boards / name(kind)).read()
    return snapshot.document if kind in DOCUMENTS else snapshot["value"]


def has(boards: Path, values: dict[str, Any]) -> bool:
    return all(newest(boards, kind) == as_python(kind, values[kind]) for kind in values)


@pytest.fixture
def every(boards: Path) -> Path:
    """A directory with a board of each type, with the first value."""
    for kind in VALUES:
        (boards.parent / f"{kind}.toml").write_text(toml(kind))
        program(boards, "create", str(boards.parent / f"{kind}.toml"))
    publish(boards, FIRST)
    return boards


def test_every_type_has_values() -> None:
    types = HEADER.read_text().split("// The type of a field.")[1].split("PEGEL_OPTIONAL")[0]
    assert {f"PEGEL_{kind.upper()}" for kind in VALUES} == set(re.findall(r"PEGEL_\w+", types))
    assert all(one != other for one, other in VALUES.values())


def test_python(every: Path) -> None:
    assert has(every, FIRST)
    publish(every, SECOND)
    assert has(every, SECOND)


def test_numpy(every: Path) -> None:
    publish(every, SECOND)
    for kind in FIELDS:
        value = pegel.Reader(every / name(kind)).read().as_numpy()["value"].item()
        assert (value.decode() if kind == "text" else value) == SECOND[kind]


def test_c(every: Path) -> None:
    """The C ABI gives each type as bytes; `pegel gen c` says what they are."""
    for kind in FIELDS:
        header = every.parent / f"{kind}.h"
        header.write_text(program(every, "gen", "c", name(kind)))
        done = run(["gcc", "-std=c99", *STRICT, f"-I{ROOT}/include", "-fsyntax-only", str(header)])
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("way", ["ffi", "extension"])
def test_php(every: Path, way: str) -> None:
    settings = ["-d", "ffi.enable=0", *extension()] if way == "extension" else []
    command = ["php", *settings, str(ROOT / "tests/languages/types/types.php")]
    wanted = json.dumps(SECOND)
    done = run([*command, "write", wanted], environment(every))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    # What is beyond PHP_INT_MAX is a string in PHP, and an empty object is an empty array.
    expected = SECOND | {"u64": str(SECOND["u64"])}
    assert json.loads(done.stdout) == expected
    assert has(every, SECOND)
    files = run(
        [*php("tests/languages/types/types.php", tier="files"), "read", wanted], environment(every)
    )
    assert json.loads(files.stdout) == expected, files.stderr


@pytest.mark.parametrize("language", ["python", "php", "rust"])
def test_generated_code(every: Path, language: str) -> None:
    for kind in FIELDS:
        code = program(every, "gen", language, name(kind))
        file = every.parent / f"code.{language}"
        file.write_text(code)
        if language == "python":
            compile(code, str(file), "exec")
        elif language == "php":
            assert run(["php", "-l", str(file)]).returncode == 0, code
        else:
            assert run(["rustfmt", "--check", "--edition", "2021", str(file)]).returncode == 0, code


def test_the_program(every: Path) -> None:
    for kind in FIELDS:
        shown = json.loads(program(every, "get", name(kind), "--json"))
        assert shown == {"value": FIRST[kind]}
        value = SECOND[kind]
        text = value if kind == "text" else json.dumps(value)
        program(every, "set", name(kind), f"value={text}")
        assert program(every, "get", name(kind), "value") == f"{text}\n"
    program(every, "set", name("json"), f"document={json.dumps(SECOND['json'])}")
    (every.parent / "document").write_bytes(as_python("bytes", SECOND["bytes"]))
    program(every, "set", name("bytes"), "--document", str(every.parent / "document"))
    assert has(every, SECOND)


def test_dump_and_load(every: Path) -> None:
    publish(every, SECOND)
    for kind in VALUES:
        dumped = every.parent / "dumped.json"
        dumped.write_text(program(every, "dump", name(kind)))
        publish(every, {kind: FIRST[kind]})
        program(every, "load", str(dumped), "--replace")
    assert has(every, SECOND)


def test_http(every: Path) -> None:
    boards = [one for kind in VALUES for one in ("--write", name(kind))]
    with http_serving(every, *boards, *token_file(every.parent)) as server:
        for kind in VALUES:
            path = f"/boards/{name(kind)}"
            value = FIRST[kind] if kind in DOCUMENTS else {"value": FIRST[kind]}
            assert server.ask(path).json["record"] == value
            value = SECOND[kind] if kind in DOCUMENTS else {"value": SECOND[kind]}
            answer = server.write("PUT", path, value)
            assert answer.status == 200, answer.text
            assert server.ask(path).json["record"] == value
        assert has(every, SECOND)
        metrics = server.ask("/metrics").text
        for kind in VALUES:
            is_measured = f"\npegel_a_{kind}_value{{" in metrics
            assert is_measured == (kind in FIELDS and kind != "text"), kind


def test_mqtt(every: Path, broker: Broker) -> None:
    boards = [one for kind in VALUES for one in ("--write", name(kind))]
    with (
        listening(broker) as now,
        bridged(every, broker, "--prefix", "site", *boards, "--home-assistant") as bridge,
    ):
        bridge.wait_until_well()
        for kind in VALUES:
            topic = f"site/{name(kind)}"
            now.wait_for(topic)
            value = FIRST[kind] if kind in DOCUMENTS else {"value": FIRST[kind]}
            assert now.json(topic)["record"] == value
            if kind in FIELDS:
                now.wait_for(f"homeassistant/device/site_a--{kind}/config")
            now.say(f"{topic}/set", as_message(kind, SECOND[kind]))
        wait_until(lambda: has(every, SECOND))


def as_message(kind: str, value: Any) -> str:
    """A record or document as MQTT and System V memory have it: bytes as they are."""
    if kind == "bytes":
        return b64decode(value).decode()
    return json.dumps(value if kind in DOCUMENTS else {"value": value}, ensure_ascii=False)


def test_opcua(every: Path) -> None:
    boards = [one for kind in VALUES for one in ("--write", name(kind))]
    with opcua_serving(every, *boards) as server, server.client() as client:
        for kind in VALUES:
            place = f"{name(kind)}/{member(kind)}"
            first, second = (as_opcua(kind, value) for value in VALUES[kind])
            assert read(client, place) == ("Good", first)
            one = node(client, place)
            one.write_value(second, one.read_data_type_as_variant_type())
            assert read(client, place) == ("Good", second)
    assert has(every, SECOND)


def as_opcua(kind: str, value: Any) -> Any:
    """A JSON document is a string there."""
    return json.dumps(value) if kind == "json" else as_python(kind, value)


def test_serial(every: Path) -> None:
    line = Line(every.parent)
    for kind in FIELDS:
        with serial(every, kind, line):
            line.say(b"\n" + json.dumps({"value": SECOND[kind]}).encode() + b"\n")
            wait_until(partial(has, every, {kind: SECOND[kind]}))
    for kind in DOCUMENTS:
        with serial(every, kind, line) as process:
            _, complaint = process.communicate(timeout=WATCHDOG)
            assert (process.returncode, "document" in complaint) == (1, True), complaint


@contextmanager
def serial(boards: Path, kind: str, line: Line) -> Iterator["subprocess.Popen[str]"]:
    """The program, once it listens or has ended."""
    schema = boards.parent / "map.toml"
    schema.write_text(toml(kind) + '[serial]\nformat = "json"\n')
    command = [str(built("target/release/pegel")), "serial", "--map", str(schema)]
    process = subprocess.Popen(
        [*command, "--port", str(line.port)],
        env=environment(boards),
        stderr=subprocess.PIPE,
        text=True,
    )
    status = boards / f"{name(kind)}-serial"
    try:
        wait_until(lambda: process.poll() is not None or pegel.Reader(status).read()["connected"])
        yield process
    finally:
        process.kill()
        process.communicate()


def test_system_v(every: Path, key: int) -> None:
    for kind in VALUES:
        remove(key)
        with (
            sysv_bridged(every, name(kind), key, "--write", name(kind)),
            script("python", key) as one,
        ):
            first, second = (as_message(kind, value) for value in VALUES[kind])
            wait_until(partial(reads, one, first))
            one.ask(f"write {second}")
            wait_until(partial(has, every, {kind: SECOND[kind]}))


def reads(one: Conversation, text: str) -> bool:
    return one.ask("read").replace(" ", "") == text.replace(" ", "")
