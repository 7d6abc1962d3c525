"""`pegel mqtt` and a real broker: what is published, who is told that a writer is gone, and commands."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import pytest

import pegel
from brokers import WATCHDOG, Broker, bridged, listening, wait_for
from programs import ROOT, built, environment, run
from units import verify_unit

FIELDS = {
    "level": pegel.f64("m", min=0, max=5, default=1.5, label="Level"),
    "pumps": pegel.u16(count=2, default=[1, 2]),
    "note": pegel.text(24, default=""),
    "count": pegel.u64(default=2**64 - 1),
    "on": pegel.bool_(default=False),
    "fault": pegel.i32(optional=True),
}
HERE = ("--prefix", "site")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    yield broker
    broker.kill()


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    place = tmp_path / "boards"
    place.mkdir()
    return place


def test_a_record_is_published(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", FIELDS) as writer,
        bridged(boards, broker, *HERE),
    ):
        writer.update(level=3.25, note='"läuft"')
        wait_for(lambda: now.values.get("site/tank/fields/level") == "3.25")
        newest = writer.read()
        told = now.json("site/tank")
        assert told["record"] == {
            **{name: plain(value) for name, value in newest.items()},
            "note": '"läuft"',
            "fault": None,
        }
        assert (told["sequence"], told["generation"], told["is_default"]) == (2, 1, False)
        assert told["published"] == pytest.approx(newest.stamp.published_ns / 1e9)
        assert 0 <= told["age"] <= newest.age
        texts = {"pumps": "1,2", "note": '"läuft"', "count": str(2**64 - 1), "on": "false"}
        for name, text in texts.items():
            assert now.wait_for(f"site/tank/fields/{name}") == text
        assert now.wait_for("site/tank/fields/fault") == ""
        assert 0 <= float(now.wait_for("site/tank/age")) < WATCHDOG
        assert now.wait_for("site/tank/writer") == "alive"
        writer.update(fault=-7)
        now.wait_for("site/tank/fields/fault", "-7")
        # Who comes later is told all, but for what is unknown.
        writer.update(fault=None)
        now.wait_for("site/tank/fields/fault", "")
        with listening(broker, "site/tank/#") as late:
            late.wait_for("site/tank/writer", "alive")
            assert late.wait_for("site/tank/fields/level") == "3.25"
            assert all(late.retained.values())
            assert "site/tank/fields/fault" not in late.values


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_documents_are_published(broker: Broker, boards: Path) -> None:
    with listening(broker) as now, bridged(boards, broker, *HERE):
        with pegel.Writer(boards / "all", pegel.json(200)) as writer:
            writer.publish({"b": [1, 2.5], "a": None})
            now.wait_for("site/all")
            wait_for(lambda: now.json("site/all")["record"] == {"b": [1, 2.5], "a": None})
        with pegel.Writer(boards / "raw", pegel.bytes_(20)) as writer:
            writer.publish(b"\0\xff")
            wait_for(lambda: now.json("site/raw")["record"] == "AP8=" if "site/raw" in now.values else 0)


def test_all_boards_are_published_and_new_ones(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "old", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE) as bridge:
        now.wait_for("site/old")
        with pegel.Writer(boards / "new", FIELDS) as writer:
            now.wait_for("site/new/writer", "alive")
            writer.update(on=True)
            now.wait_for("site/new/fields/on", "true")
        bridge.wait_until_well()
        # To tell of itself would be news for ever.
        assert not [topic for topic in now.values if "pegel-mqtt" in topic]


def test_a_board_without_records_has_none(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", level=pegel.f64("m")) as writer,
        bridged(boards, broker, *HERE),
    ):
        now.wait_for("site/tank/writer", "alive")
        assert "site/tank" not in now.values
        writer.publish(level=1.0)
        now.wait_for("site/tank/fields/level", "1")


GAUGE = """
import sys, pegel
with pegel.Writer("tank", level=pegel.f64("m")) as writer:
    writer.publish(level=float(sys.argv[1]))
    print(flush=True)
    sys.stdin.readline()
"""


@contextmanager
def gauge(boards: Path, level: float) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", GAUGE, str(level)]
    with subprocess.Popen(command, env=environment(boards), stdin=pipe, stdout=pipe) as writer:
        try:
            assert writer.stdout
            assert writer.stdout.readline()
            yield writer
        finally:
            writer.kill()


def test_a_writer_that_dies_is_gone(broker: Broker, boards: Path) -> None:
    with listening(broker) as now, bridged(boards, broker, *HERE, "--board", "tank"):
        # It need not be there yet.
        now.wait_for("site/tank/writer", "gone")
        for level in (1, 2):
            with gauge(boards, level) as writer:
                now.wait_for("site/tank/writer", "alive")
                now.wait_for("site/tank/fields/level", str(level))
                writer.send_signal(signal.SIGKILL)
                now.wait_for("site/tank/writer", "gone")
            # Its last value stays.
            assert now.json("site/tank")["record"] == {"level": level}


def test_the_last_will_tells_that_the_bridge_is_gone(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", FIELDS) as writer,
        bridged(boards, broker, *HERE) as bridge,
    ):
        for end in (bridge.kill, bridge.end):
            now.wait_for("site/tank/writer", "alive")
            end()
            now.wait_for("site/tank/writer", "gone")
            writer.update(count=5)
            bridge.start()
        now.wait_for("site/tank/writer", "alive")
        now.wait_for("site/tank/fields/count", "5")


def test_after_an_hour_only_the_newest_is_told(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", level=pegel.u64()) as writer,
        bridged(boards, broker, *HERE, complaint="the connection to the broker is lost") as bridge,
    ):
        writer.publish(level=0)
        with listening(broker) as now:
            now.wait_for("site/tank/fields/level", "0")
        broker.kill()
        for level in range(20_000):
            writer.publish(level=level)
        wait_for(lambda: bridge.status()["complaint"])
        broker.start()
        with listening(broker) as now:
            now.wait_for("site/tank/fields/level", "19999")
            writer.publish(level=20_000)
            now.wait_for("site/tank/fields/level", "20000")
            came = [payload for topic, payload in now.told.queue if topic == "site/tank"]
        records = [json.loads(payload)["record"]["level"] for payload in came]
        assert records in ([19_999, 20_000], [20_000])
        wait_for(lambda: bridge.status()["complaint"] == "")


def test_a_fast_writer_is_told_of_at_the_pace_that_is_wanted(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", level=pegel.u64()) as writer,
        listening(broker) as now,
        bridged(boards, broker, *HERE, "--every", "3600"),
    ):
        writer.publish(level=0)
        now.wait_for("site/tank")
        first = now.json("site/tank")["sequence"]
        for level in range(1000):
            writer.publish(level=level)
        with listening(broker):
            # What was published before that came before it.
            now.say("mark", "")
            now.wait_for("mark")
        assert now.json("site/tank")["sequence"] == first


COMMANDS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "fields": ("set", {"level": 2.5, "pumps": [7, 8], "on": True}, {"level": 2.5, "pumps": (7, 8), "on": True}),
    "a field": ("set/level", "2.25", {"level": 2.25}),
    "a text": ("set/note", "läuft", {"note": "läuft"}),
    "an array": ("set/pumps", "3,4", {"pumps": (3, 4)}),
    "an element": ("set/pumps.1", "9", {"pumps": (1, 9)}),
    "a switch": ("set/on", "true", {"on": True}),
    "the largest": ("set", {"count": 2**64 - 1, "fault": -(2**31)}, {"count": 2**64 - 1, "fault": -(2**31)}),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_published(broker: Broker, boards: Path, command: str) -> None:
    topic, payload, expected = COMMANDS[command]
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        now.wait_for("site/tank/writer", "turns")
        bridge.wait_until_well()
        now.say(f"site/tank/{topic}", payload)
        wait_for(lambda: bridge.status()["taken"] == 1)
        record = pegel.Reader(boards / "tank").read()
        assert {name: plain(record[name]) for name in expected} == {
            name: plain(value) for name, value in expected.items()
        }
        assert record.sequence == 2
        wait_for(lambda: now.json("site/tank")["sequence"] == 2)


def test_what_is_unknown_can_be_made_so(broker: Broker, boards: Path) -> None:
    with pegel.Writer(boards / "tank", FIELDS) as writer:
        writer.update(fault=3)
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        for topic, payload in [("set/fault", ""), ("set", {"fault": None})]:
            now.say(f"site/tank/{topic}", payload)
            now.wait_for("site/tank/fields/fault", "")
            now.say("site/tank/set/fault", "3")
            now.wait_for("site/tank/fields/fault", "3")


REFUSED: dict[str, tuple[str, Any, str]] = {
    "beyond its limits": ("set", {"level": 6}, "level has to be 0 to 5 m; 6 is not"),
    "no such field": ("set", {"lvel": 1}, 'no field is called "lvel"'),
    "no such topic": ("set/lvel", "1", 'no field is called "lvel"'),
    "no JSON": ("set", "level=3", "no JSON object"),
    "no object": ("set", [1], "no JSON object"),
    "no text": ("set/note", b"\xff", "no text"),
    "another type": ("set", {"pumps": "x"}, '"x" is no array'),
    "two faults": ("set", {"level": -1, "on": 1}, "; field on"),
    "too many": ("set", {"pumps": [1, 2, 3]}, "pumps"),
    "too long": ("set/note", "x" * 25, "note"),
    "too large": ("set/level", "1e999", "too large"),
    "not optional": ("set", {"level": None}, "level"),
    "never unknown": ("set/level", "", "no number"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_told(broker: Broker, boards: Path, what: str) -> None:
    topic, payload, reason = REFUSED[what]
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        now.say(f"site/tank/{topic}", payload)
        told = now.next("site/tank/refused")
        assert told["topic"] == f"site/tank/{topic}"
        assert told["reason"].startswith("board tank: ")
        assert reason in told["reason"]
        assert pegel.Reader(boards / "tank").read().sequence == 1
        # Nobody is told of it later.
        assert not now.retained["site/tank/refused"]


def test_a_command_is_not_retained(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now:
        now.say("site/tank/set", {"level": 3}, retain=True)
        with bridged(boards, broker, *HERE, "--write", "tank"):
            assert "must not be retained" in now.next("site/tank/refused")["reason"]
    assert pegel.Reader(boards / "tank").read().sequence == 1


def test_documents_take_commands_as_a_whole(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "all", pegel.json(20)).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "all") as bridge:
        bridge.wait_until_well()
        now.say("site/all/set", '{"b":1, "a":2}')
        now.wait_for("site/all")
        assert now.json("site/all")["record"] == {"b": 1, "a": 2}
        for payload, reason in [("{", "no JSON"), (list(range(20)), "the board 20"), (b"\xff", "no JSON")]:
            now.say("site/all/set", payload)
            assert reason in now.next("site/all/refused")["reason"]
        now.say("site/all/set/b", "1")
        assert "as a whole" in now.next("site/all/refused")["reason"]


def test_a_board_that_has_a_writer_is_told_of(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", FIELDS),
        listening(broker) as now,
        bridged(boards, broker, *HERE, "--write", "tank", "--timeout", "0") as bridge,
    ):
        bridge.wait_until_well()
        now.say("site/tank/set/level", "1")
        assert "has a writer" in now.next("site/tank/refused")["reason"]


def test_what_is_set_is_on_the_disk_if_the_board_is_durable(
    broker: Broker, boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(tmp_path))
    pegel.Writer(boards / "config", limit=pegel.u16("%", default=80), durable=True).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "config") as bridge:
        bridge.wait_until_well()
        now.say("site/config/set/limit", "60")
        wait_for(lambda: bridge.status()["taken"] == 1)
        # As a reboot does.
        for file in boards.glob("pegel.config*"):
            file.unlink()
        with pegel.Writer.open(boards / "config", timeout=WATCHDOG) as writer:
            assert writer.read()["limit"] == 60


def test_commands_wait_for_a_bridge_that_is_killed(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        for number in range(100):
            now.say("site/tank/set", {"count": number, "note": f"number {number}"})
            if number % 20 == 10:
                bridge.kill()
            if number % 20 == 15:
                bridge.start()
        now.wait_for("site/tank/fields/count", "99")
        # Each was done, and those that were under way at a kill maybe twice: whole, in their order.
        assert pegel.Reader(boards / "tank").read()["note"] == "number 99"
        assert pegel.Reader(boards / "tank").read().sequence >= 101
        assert "site/tank/refused" not in now.values


def test_wrong_command_lines_are_told(boards: Path, tmp_path: Path) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        command = [str(built("target/release/pegel")), "mqtt", *arguments]
        done = run(command, environment(boards))
        return done.returncode, done.stderr

    broker = ("--broker", "mqtt://127.0.0.1:1")
    open_to_all = tmp_path / "password"
    open_to_all.write_text("secret")
    open_to_all.chmod(0o644)
    for arguments, status, reason in [
        ((), 2, "--broker"),
        (("--broker", "localhost"), 2, "write mqtt://HOST"),
        (("--broker", "mqtt://u:p@localhost"), 2, "--password-file"),
        ((*broker, "--prefix", "a/#"), 2, "no + or #"),
        ((*broker, "--mirror", "a//b"), 2, "no + or #"),
        ((*broker, "--user", "solar"), 2, "--password-file"),
        ((*broker, "--board", "/a/tank", "/b/tank"), 2, "two boards are called tank"),
        ((*broker, "--board", "tank", "--mirror", "a/tank"), 2, "named twice"),
        ((*broker, "--user", "x", "--password-file", str(open_to_all)), 1, "chmod o="),
        ((*broker, "--user", "x", "--password-file", "/nowhere"), 1, "/nowhere"),
        ((*broker, "--ca", "/nowhere"), 1, "certificates are for mqtts://"),
        (("--broker", "mqtts://x", "--ca", "/nowhere"), 1, "/nowhere"),
        (("--broker", "mqtts://x", "--ca", str(open_to_all)), 1, "vouches for others"),
    ]:
        told = complaint(*arguments)
        assert (told[0], reason in told[1]) == (status, True), told


def test_the_doctor_looks_at_bridges(broker: Broker, boards: Path) -> None:
    def finding() -> dict[str, Any]:
        command = [str(built("target/release/pegel")), "doctor", "--json"]
        lines = run(command, environment(boards)).stdout.splitlines()
        found = [json.loads(line) for line in lines]
        return next((one for one in found if one["about"].startswith("MQTT")), {})

    assert finding() == {}
    with bridged(boards, broker, *HERE, "--board", "tank", complaint="lost") as bridge:
        bridge.wait_until_well()
        assert (finding()["state"], finding()["told"]) == ("ok", "1 connections to the broker")
        broker.kill()
        wait_for(lambda: bridge.status()["complaint"])
        assert finding()["state"] == "wrong"
    assert (finding()["state"], "does not run" in finding()["told"]) == ("note", True)


def test_two_bridges_have_two_boards(broker: Broker, boards: Path) -> None:
    with bridged(boards, broker, *HERE) as bridge:
        bridge.wait_until_well() if list(boards.glob("pegel.tank")) else wait_for(bridge.status)
        second = run([*bridge.command], environment(boards))
        assert (second.returncode, "has a writer" in second.stderr) == (1, True)
        with bridged(boards, broker, *HERE, "--status", "other"):
            wait_for(lambda: (boards / "pegel.other").exists())


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-mqtt.service", tmp_path, threshold=15)


def test_home_assistant_is_told_what_there_is(broker: Broker, boards: Path) -> None:
    fields = {
        "power": pegel.f64("W", label="Power now"),
        "yield_day": pegel.f64("kWh"),
        "temperature": pegel.f32("°C", optional=True),
        "strings": pegel.u16("V", count=2),
        "on": pegel.bool_(),
        "note": pegel.text(24),
        "items": pegel.u32(),
    }
    pegel.Writer(boards / "inverter", fields, description="North roof").close()
    limits = {"limit": pegel.u16("%", default=80, min=2, max=100), "boost": pegel.bool_(default=False)}
    limits |= {"name": pegel.text(12, default=""), "gain": pegel.f64(default=1.0)}
    pegel.Writer(boards / "config", limits).close()
    options = ("--board", "inverter", "--write", "config", "--home-assistant")
    with listening(broker) as now, bridged(boards, broker, *HERE, *options):
        now.wait_for("homeassistant/device/site_inverter/config")
        told = now.json("homeassistant/device/site_inverter/config")
        assert told["device"]["name"] == "North roof"
        assert told["origin"]["name"] == "pegel"
        assert told["state_topic"] == "site/inverter"
        assert told["availability"][0]["topic"] == "site/inverter/writer"
        parts = told["components"]
        ids = [part["unique_id"] for part in parts.values()]
        assert len(set(ids)) == len(ids) == 8
        assert parts["power"] == {
            "platform": "sensor",
            "unique_id": "site_inverter_power",
            "name": "Power now",
            "value_template": "{{ value_json.record['power'] }}",
            "unit_of_measurement": "W",
            "device_class": "power",
            "state_class": "measurement",
        }
        energy = parts["yield_day"]
        assert (energy["device_class"], energy["state_class"]) == ("energy", "total_increasing")
        assert parts["temperature"]["device_class"] == "temperature"
        assert parts["strings-1"]["value_template"] == "{{ value_json.record['strings'][1] }}"
        assert parts["on"]["platform"] == "binary_sensor"
        assert "state_class" not in parts["note"]
        assert "device_class" not in parts["items"]
        now.wait_for("homeassistant/device/site_config/config")
        parts = now.json("homeassistant/device/site_config/config")["components"]
        limit = parts["limit"]
        assert (limit["platform"], limit["min"], limit["max"], limit["step"]) == ("number", 2, 100, 1)
        assert limit["command_topic"] == "site/config/set/limit"
        assert (parts["boost"]["platform"], parts["boost"]["payload_on"]) == ("switch", "true")
        assert (parts["name"]["platform"], parts["name"]["max"]) == ("text", 12)
        assert parts["gain"]["step"] == 0.001
        # What a form then sends is done.
        now.say(parts["boost"]["command_topic"], parts["boost"]["payload_on"])
        now.wait_for("site/config/fields/boost", "true")


def test_templates_give_what_home_assistant_expects(broker: Broker, boards: Path) -> None:
    """By Jinja, in which it renders them."""
    fields = {"items": pegel.u32(), "on": pegel.bool_(optional=True), "pair": pegel.u16(count=2)}
    with pegel.Writer(boards / "tank", fields) as writer:
        writer.publish(items=5, on=True, pair=[3, 4])
        with listening(broker) as now, bridged(boards, broker, *HERE, "--home-assistant"):
            now.wait_for("homeassistant/device/site_tank/config")
            told = now.json("homeassistant/device/site_tank/config")
            parts = told["components"]

            def state(name: str) -> str:
                template = jinja2.Template(parts[name]["value_template"])
                return str(template.render(value_json=now.json("site/tank")))

            now.wait_for("site/tank")
            assert [state(name) for name in parts] == ["5", "true", "3", "4"]
            writer.publish(items=6, on=None, pair=[3, 4])
            wait_for(lambda: state("items") == "6")
            assert state("on") == "None"
            available = jinja2.Template(told["availability"][0]["value_template"])
            states = [available.render(value=value) for value in ("alive", "turns", "gone")]
            assert states == ["online", "online", "offline"]


def certify(place: Path) -> None:
    """An authority, a broker's certificate and a client's."""
    subject = "/CN=Pegel's tests"
    new = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    days = ["-days", "2"]
    made = [[*new, "-x509", *days, "-subj", subject, "-keyout", "ca.key", "-out", "ca.crt"]]
    (place / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name, extra in [("broker", ["-extfile", "names"]), ("client", ["-extfile", "names"])]:
        made += [
            [*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"],
            ["openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", *days, *extra, "-out", f"{name}.crt"],
        ]  # fmt: skip
    for command in made:
        done = run(command, directory=place)
        assert done.returncode == 0, done.stderr


def test_tls_and_passwords(tmp_path: Path, boards: Path) -> None:
    certify(tmp_path)
    users = tmp_path / "users"
    done = run(["mosquitto_passwd", "-c", "-b", str(users), "solar", "right"])
    assert done.returncode == 0, done.stderr
    broker = Broker(
        tmp_path / "broker",
        "allow_anonymous false",
        f"password_file {users}",
        f"cafile {tmp_path}/ca.crt",
        f"certfile {tmp_path}/broker.crt",
        f"keyfile {tmp_path}/broker.key",
        "require_certificate true",
    )
    url = f"mqtts://localhost:{broker.port}"
    password = tmp_path / "password"
    password.touch(mode=0o600)
    login = ("--user", "solar", "--password-file", str(password))
    identity = ("--certificate", f"{tmp_path}/client.crt", "--key", f"{tmp_path}/client.key")
    ca = ("--ca", f"{tmp_path}/ca.crt")

    def complaint(*arguments: str) -> str:
        with bridged(boards, url, "--board", "tank", *arguments, complaint="") as bridge:
            wait_for(lambda: bridge.status().get("complaint"))
            told = str(bridge.status()["complaint"])
        # That of the next one is a new board.
        pegel.unlink(boards / "pegel-mqtt")
        return told

    try:
        password.write_text("wrong\n")
        assert "turns this bridge away" in complaint(*ca, *identity, *login)
        password.write_text("right\n")
        # The system knows nothing of the tests' authority.
        wrong = tmp_path / "other"
        wrong.mkdir()
        certify(wrong)
        assert "not who it should be" in complaint("--ca", f"{wrong}/ca.crt", *identity, *login)
        assert complaint(*ca, *login)
        with bridged(boards, url, *HERE, "--board", "tank", *ca, *identity, *login) as bridge:
            bridge.wait_until_well()
        plain = f"mqtt://localhost:{broker.port}"
        with bridged(boards, plain, "--board", "tank", complaint="no connection") as bridge:
            wait_for(lambda: bridge.status().get("complaint"))
    finally:
        broker.kill()


def test_the_documentation_works(broker: Broker, boards: Path) -> None:
    """What a listener is shown in it, as it comes."""
    text = (ROOT / "docs/mqtt.md").read_text()
    shown = text.split("<!-- told -->\n```\n")[1].split("```")[0]
    fields = {"power": pegel.f64("W"), "yield_day": pegel.f64("kWh", optional=True)}
    with listening(broker) as now, pegel.Writer(boards / "inverter", fields) as writer:
        writer.publish(power=21.8)
        with bridged(boards, broker, "--prefix", "pegel/solar"):
            now.wait_for("pegel/solar/inverter/writer", "alive")
            now.wait_for("pegel/solar/inverter/fields/power", "21.8")
            topics = [line.split(" ")[0] for line in shown.splitlines()]
            assert sorted(topics) == sorted(now.values)
            told = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
            assert json.loads(told["pegel/solar/inverter"]).keys() == now.json("pegel/solar/inverter").keys()


def test_it_needs_no_rights_but_to_read(broker: Broker) -> None:
    """What it may read, it publishes, and it tells who sends commands that it may not write."""
    if os.geteuid() != 0:
        pytest.fail("another user can be had by root alone: run this test as root")
    with tempfile.TemporaryDirectory() as place:
        boards, status = Path(place), Path(place, "status")
        status.mkdir()
        boards.chmod(0o755)
        os.chown(status, 65534, 65534)
        pegel.Writer(boards / "tank", FIELDS, mode=0o644).close()
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        command += [str(built("target/release/pegel-mqtt")), "mqtt", "--broker", broker.url, *HERE]
        command += ["--write", "tank", "--status", f"{status}/pegel-mqtt"]
        with (
            listening(broker) as now,
            subprocess.Popen(command, env=environment(boards)) as bridge,
        ):
            try:
                now.wait_for("site/tank/fields/level", "1.5")
                reader = pegel.Reader(status / "pegel-mqtt")
                wait_for(lambda: reader.read()["well"] == reader.read()["connections"] == 2)
                now.say("site/tank/set/level", "2")
                assert "tank" in now.next("site/tank/refused")["reason"]
            finally:
                bridge.kill()
