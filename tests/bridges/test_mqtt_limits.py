"""`pegel mqtt` with brokers, clients and other bridges that misbehave."""

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

import pegel
from helpers.mqtt import Bridge, Broker, bridged, listening
from helpers.programs import wait_until

FIELDS = {"level": pegel.f64("m", default=1.5), "count": pegel.u64(default=0)}
HERE = ("--prefix", "site")
WRITTEN = (*HERE, "--write", "tank")
MIRRORED = ("--prefix", "there", "--mirror", "site/tank")


def megabytes(bridge: Bridge) -> int:
    """Of memory that it has had at most."""
    status = Path(f"/proc/{bridge.process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) // 1024


class FakeBroker:
    """One that answers as the test says."""

    def __init__(self, subscribed: int = 1) -> None:
        self.subscribed = subscribed
        self.topics: list[str] = []
        self.clients: list[tuple[str, socket.socket]] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream:
            try:
                while kind := stream.read(1):
                    size = shift = 0
                    while True:
                        byte = stream.read(1)[0]
                        size |= (byte & 0x7F) << shift
                        shift += 7
                        if byte < 0x80:
                            break
                    self.answer(client, kind[0], stream.read(size))
            except (OSError, IndexError):
                return

    def answer(self, client: socket.socket, kind: int, body: bytes) -> None:
        def text(at: int) -> tuple[str, int]:
            end = at + 2 + int.from_bytes(body[at : at + 2])
            return body[at + 2 : end].decode(), end

        match kind >> 4:
            case 1:
                client.sendall(b"\x20\x02\0\0")
                self.clients.append((text(10)[0], client))
            case 3:
                topic, end = text(0)
                self.topics.append(topic)
                client.sendall(b"\x40\x02" + body[end : end + 2])
            case 8:
                client.sendall(b"\x90\x03" + body[:2] + bytes([self.subscribed]))
            case 12:
                client.sendall(b"\xd0\0")

    def say(self, client: socket.socket, topic: str, payload: bytes, *, kept: bool = False) -> None:
        body = struct.pack(">H", len(topic)) + topic.encode() + payload
        size, head = len(body), bytearray([0x30 | kept])
        while True:
            size, byte = size >> 7, size & 0x7F
            head.append(byte | (0x80 if size else 0))
            if not size:
                break
        client.sendall(bytes(head) + body)

    def end(self) -> None:
        self.server.close()
        for _, client in self.clients:
            client.close()


@pytest.fixture
def fake() -> Iterator[FakeBroker]:
    fake = FakeBroker()
    yield fake
    fake.end()


def test_two_bridges_of_one_name_do_not_wear_each_other_out(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    board = (*HERE, "--board", "tank")
    with bridged(boards, broker, *board, complaint="lost") as one:
        one.wait_until_well()
        second = Bridge(boards, broker.url, *board, "--status", "second")
        time.sleep(3)
        second.kill()
    assert one.log.count("\n") < 10


def test_what_cannot_be_taken_does_not_come_for_ever(broker: Broker, boards: Path) -> None:
    """A command that is too long for a message would else be the next one for ever."""
    pegel.Writer(boards / "tank", FIELDS).close()
    with (
        listening(broker, "site/tank/#") as now,
        bridged(boards, broker, *WRITTEN, complaint="at most 67108864 bytes") as bridge,
    ):
        bridge.wait_until_well()
        now.say("site/tank/set", bytes(66 << 20))

        def is_done(count: int) -> bool:
            now.say("site/tank/set/count", str(count))
            time.sleep(0.1)
            return now.values.get("site/tank/fields/count") == str(count)

        # Those that waited with it are dropped.
        wait_until(lambda: is_done(5))
        bridge.kill()
        now.say("site/tank/set/count", "6")
        bridge.start()
        now.wait_for("site/tank/fields/count", "6")
        now.say("site/tank/set", bytes(66 << 20))
        wait_until(lambda: is_done(7))


REASONS = {
    "a long value": '{"level": "' + r"\u0001" * (10 << 20) + '"}',
    "many fields": json.dumps(dict.fromkeys((f"a{number}" for number in range(200_000)), 0)),
}


@pytest.mark.parametrize("what", REASONS)
def test_reasons_are_short(broker: Broker, boards: Path, what: str) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker, "site/tank/#") as now, bridged(boards, broker, *WRITTEN) as bridge:
        bridge.wait_until_well()
        now.say("site/tank/set", REASONS[what])
        now.wait_for("site/tank/rejected")
        assert len(now.json("site/tank/rejected")["reason"]) <= 2000


def test_a_flood_of_rubbish_takes_no_acknowledgement(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    stop = threading.Event()

    def flood() -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        sent = 0
        while not stop.is_set():
            # More would keep the broker's sign of life from a bridge on a slow machine.
            if sent - bridge.status()["rejected"] < 10_000:
                for _ in range(200):
                    client.publish("site/tank/set", "rubbish", 0)
                sent += 200
            time.sleep(0.005)
        client.disconnect()
        client.loop_stop()

    with listening(broker, "x") as now, bridged(boards, broker, *WRITTEN) as bridge:
        bridge.wait_until_well()
        flooding = threading.Thread(target=flood)
        flooding.start()
        for count in range(1, 151):
            now.say("site/tank/set/count", str(count))
            time.sleep(0.01)
        wait_until(lambda: pegel.Reader(boards / "tank").read()["count"] == 150)
        wait_until(lambda: bridge.status()["rejected"] > 1000, "the flood")
        stop.set()
        flooding.join()


def test_messages_that_wait_have_little_room(broker: Broker, boards: Path) -> None:
    """Commands arrive while another writer holds the board."""
    with (
        pegel.Writer(boards / "tank", FIELDS),
        listening(broker, "x") as now,
        bridged(boards, broker, *WRITTEN, "--timeout", "0.5") as bridge,
    ):
        bridge.wait_until_well()
        for _ in range(20):
            now.client.publish("site/tank/set", bytes(30 << 20), 1)
        wait_until(lambda: bridge.status()["rejected"] > 5)
        assert megabytes(bridge) < 350


def test_records_that_wait_have_little_room(broker: Broker, boards: Path) -> None:
    document = bytes(20 << 20)
    with (
        pegel.Writer(boards / "tank", pegel.bytes_(len(document))) as writer,
        bridged(boards, broker, *HERE, "--board", "tank") as bridge,
    ):
        bridge.wait_until_well()
        for _ in range(30):
            writer.publish(document)
            time.sleep(0.05)
        wait_until(lambda: bridge.status()["published"] > 2)
        assert megabytes(bridge) < 600


def test_messages_that_nobody_asked_for_are_in_nobodys_way(fake: FakeBroker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", FIELDS) as writer,
        bridged(boards, fake.url, *HERE, "--board", "tank"),
    ):
        wait_until(lambda: "site/tank/writer" in fake.topics)
        for _ in range(500):
            fake.say(fake.clients[0][1], "advertisement", b"buy")
        for count in range(100):
            fake.topics.clear()
            writer.update(count=count)
            wait_until(lambda: "site/tank/age" in fake.topics)


@pytest.mark.parametrize("options", [WRITTEN, MIRRORED])
def test_reports_refused_topics(boards: Path, options: tuple[str, ...]) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    fake = FakeBroker(subscribed=0x80)
    with bridged(boards, fake.url, *options, complaint="refuses the topics") as bridge:
        wait_until(lambda: "refuses the topics" in bridge.status().get("last_failure", ""))
    fake.end()


def of(schema: dict[str, Any], record: bytes, **changes: Any) -> bytes:
    message = {
        "format": 1,
        "schema": schema["hash"],
        "lineage": "aa",
        "sequence": 1,
        "generation": 1,
        "published": time.time_ns(),
        "age": 0,
        "present": "0",
        "record": base64.b64encode(record).decode(),
    }
    return json.dumps(message | changes).encode()


def schema_of(broker: Broker, boards: Path, *fields: Any, **named: Any) -> dict[str, Any]:
    """As a bridge publishes it."""
    with (
        pegel.Writer(boards / "tank", *fields, **named),
        listening(broker) as now,
        bridged(boards, broker, *HERE, "--board", "tank"),
    ):
        now.wait_for("site/tank/writer")
        message: dict[str, Any] = now.json("site/tank/schema")
        return message


def test_a_schema_takes_no_more_memory_than_records_can_need(
    broker: Broker, boards: Path, tmp_path: Path
) -> None:
    schema = schema_of(broker, boards, pegel.json(64 << 20))
    there = tmp_path / "there"
    with (
        listening(broker) as now,
        bridged(there, broker, *MIRRORED, complaint="at most 50331648 bytes") as bridge,
    ):
        # Nor does it say that all was well, when the record comes.
        now.say("site/tank/record", of(schema, b"[]"), retain=True)
        wait_until(lambda: "at most 50331648 bytes" in bridge.status().get("last_failure", ""))
        assert not (there / "pegel.tank").exists()


def test_what_others_sent_is_not_repeated_at_length(broker: Broker, boards: Path) -> None:
    with bridged(boards, broker, *MIRRORED, complaint="cannot be mirrored") as bridge:
        bridge.wait_until_well()
        with listening(broker) as now:
            now.say("site/tank/record", of({"hash": "x" * 1_000_000}, b""))
            wait_until(lambda: bridge.status()["state"] == "failing")
    assert len(bridge.log) < 5000


def test_a_clock_that_went_back_holds_nothing_up(
    broker: Broker, fake: FakeBroker, boards: Path, tmp_path: Path
) -> None:
    """A power failure takes sequences and, on some machines, time; what a broker kept is old."""
    schema = schema_of(broker, boards, number=pegel.u64())
    there = tmp_path / "there"
    with bridged(there, fake.url, *MIRRORED):
        wait_until(lambda: fake.clients)
        client = fake.clients[0][1]

        def send(number: int, sequence: int, published: int, *, kept: bool = False) -> None:
            record = of(
                schema, number.to_bytes(8, "little"), sequence=sequence, published=published
            )
            fake.say(client, "site/tank/record", record, kept=kept)

        def shows(number: int) -> bool:
            try:
                return bool(pegel.Reader(there / "tank").read()["number"] == number)
            except (pegel.NotFound, pegel.Gone):
                return False

        fake.say(client, "site/tank/schema", json.dumps(schema).encode())
        send(1, 10, 2000)
        wait_until(lambda: shows(1))
        lineage = pegel.Reader(there / "tank").lineage
        send(2, 9, 1000, kept=True)
        send(3, 11, 2001)
        wait_until(lambda: shows(3))
        assert pegel.Reader(there / "tank").lineage == lineage
        send(4, 9, 1000)
        wait_until(lambda: shows(4))
        assert pegel.Reader(there / "tank").lineage != lineage


def test_a_durable_board_that_is_to_come_back_keeps_its_name(
    broker: Broker, boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reboot, the mirror may be there first."""
    durable, there = tmp_path / "durable", tmp_path / "there"
    durable.mkdir()
    there.mkdir()
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(durable))
    with pegel.Writer(there / "tank", FIELDS, durable=True) as own:
        own.update(count=7)
        own.sync()
    for file in there.glob("pegel.tank*"):
        file.unlink()
    own_name = "is not a mirror"
    with monkeypatch.context() as other_machine:
        other_machine.setenv("PEGEL_DURABLE_DIR", str(tmp_path / "elsewhere"))
        remote = pegel.Writer(boards / "tank", FIELDS)
    with (
        remote,
        bridged(boards, broker, *HERE, "--board", "tank"),
        bridged(there, broker, *MIRRORED, complaint=own_name) as bridge,
    ):
        wait_until(lambda: own_name in bridge.status().get("last_failure", ""))
        with pegel.Writer(there / "tank", FIELDS, durable=True) as own:
            assert own.read()["count"] == 7


def test_what_becomes_a_board_is_published(broker: Broker, boards: Path) -> None:
    (boards / "pegel.tank").write_bytes(b"rubbish" * 1000)
    with listening(broker) as now, bridged(boards, broker, *HERE) as bridge:
        wait_until(bridge.status)
        time.sleep(1.5)  # until it has looked at that
        (boards / "pegel.tank").unlink()
        for turn in range(2):
            with pegel.Writer(boards / "tank", FIELDS) as writer:
                writer.update(count=turn + 1)
                now.wait_for("site/tank/writer", "alive")
                now.wait_for("site/tank/fields/count", str(turn + 1))
            pegel.unlink(boards / "tank")
            now.wait_for("site/tank/writer", "gone")
            wait_until(lambda: bridge.status()["connections"] == 0)


def test_entities_of_arrays_are_no_other_fields(broker: Broker, boards: Path) -> None:
    fields = {"pump": pegel.u16(count=2), "pump_0": pegel.u16(), "pump_1": pegel.u16()}
    pegel.Writer(boards / "tank", fields).close()
    topic = "homeassistant/device/site_tank/config"
    with listening(broker) as now, bridged(boards, broker, *HERE, "--home-assistant"):
        now.wait_for(topic)
        parts = now.json(topic)["components"]
    assert len(parts) == len({part["unique_id"] for part in parts.values()}) == 4


def test_two_bridges_do_not_publish_each_other(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", FIELDS),
        bridged(boards, broker, *HERE) as one,
        bridged(boards, broker, "--prefix", "other", "--status", "pegel-mqtt-2"),
        listening(broker) as now,
    ):
        now.wait_for("site/tank/writer", "alive")
        now.wait_for("other/tank/writer", "alive")
        wait_until(lambda: one.status()["connections"] == 1)
        time.sleep(2)  # in which both have looked again
        assert not [topic for topic in now.values if "pegel-mqtt" in topic]
