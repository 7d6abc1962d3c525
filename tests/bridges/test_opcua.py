"""`pegel opcua`, browsed, read, followed and written by a real client."""

import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

import pegel
from helpers.opcua import Changes, Server, name, node, read, serving
from helpers.programs import wait_until

FIELDS = {
    "power": pegel.f32("W", label="Power", description="Into the grid", min=0, max=800),
    "strings": pegel.Field("u16", unit="V", count=2),
    "state": pegel.text(16),
    "fault": pegel.Field("i32", optional=True),
    "price": pegel.f64("EUR/kWh"),
    "on": pegel.bool_(),
    "big": pegel.u64(),
}
RECORD = {
    "power": 21.5,
    "strings": [230, 231],
    "state": "läuft",
    "fault": None,
    "price": 0.35,
    "on": True,
    "big": 2**64 - 1,
}


def is_when(stamp: datetime | None, published: datetime | None) -> bool:
    """Whether a time is that of a publication, which each read computes from its age."""
    assert stamp
    assert published
    return abs(stamp.replace(tzinfo=UTC) - published) < timedelta(milliseconds=1)


def test_boards_are_objects_with_typed_variables(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "inverter", FIELDS, description="The one on the roof")
    writer.publish(RECORD)
    published = writer.read().published
    pegel.Writer(tmp_path / "ahoy", pegel.json(1000)).publish({"inverters": [1]})
    pegel.Writer(tmp_path / "raw", pegel.bytes_(1000)).publish(b"\0\xff")
    with serving(tmp_path) as server, server.client() as client:
        namespace = client.get_namespace_index("urn:pegel:boards")
        folder = client.nodes.objects.get_child(f"{namespace}:Boards")
        boards = {one.read_browse_name().Name: one for one in folder.get_children()}
        assert set(boards) == {"inverter", "ahoy", "raw"}
        assert boards["inverter"].read_description().Text == "The one on the roof"
        fields = {one.read_browse_name().Name: one for one in boards["inverter"].get_children()}
        assert set(fields) == set(FIELDS)

        def kind(field: str) -> str:
            return str(fields[field].read_data_type_as_variant_type().name)

        kinds = {"power": "Float", "strings": "UInt16", "state": "String", "fault": "Int32"}
        kinds |= {"price": "Double", "on": "Boolean", "big": "UInt64"}
        assert {field: kind(field) for field in FIELDS} == kinds
        assert fields["strings"].read_value_rank() == ua.ValueRank.OneDimension
        assert fields["strings"].read_array_dimensions() == [2]
        assert fields["power"].read_value_rank() == ua.ValueRank.Scalar
        assert fields["power"].read_display_name().Text == "Power"
        assert fields["power"].read_description().Text == "Into the grid"

        values = {field: fields[field].read_data_value(False) for field in FIELDS}
        known = {field: one.Value.Value for field, one in values.items() if field != "fault"}
        assert known == {field: value for field, value in RECORD.items() if field != "fault"}
        assert name(values["fault"].StatusCode) == "BadNoData"
        for field in known:
            assert name(values[field].StatusCode) == "Good"
            assert is_when(values[field].SourceTimestamp, published)

        limits = fields["power"].get_child("0:EURange").read_value()
        assert (limits.Low, limits.High) == (0, 800)
        unit = fields["power"].get_child("0:EngineeringUnits").read_value()
        assert (unit.DisplayName.Text, unit.UnitId) == ("W", int.from_bytes(b"WTT"))
        assert unit.NamespaceUri == "http://www.opcfoundation.org/UA/units/un/cefact"
        unknown = fields["price"].get_child("0:EngineeringUnits").read_value()
        assert (unknown.DisplayName.Text, unknown.UnitId) == ("EUR/kWh", -1)

        assert read(client, "ahoy/document")[1] == '{"inverters":[1]}'
        assert read(client, "raw/document")[1] == b"\0\xff"
        (part,) = (
            node(client, "inverter/strings")
            .read_attribute(AttributeIds.Value, indexrange="1")
            .Value.Value
        )
        assert part == 231


def test_status_codes_show_how_good_a_value_is(tmp_path: Path) -> None:
    level = {"level": pegel.f64("m")}
    writer = pegel.Writer(tmp_path / "empty", level)
    pegel.Writer(tmp_path / "left", level).publish(level=1.5)
    pegel.Writer(tmp_path / "set", level).publish(level=2.5)
    default = pegel.Writer(tmp_path / "default", {"level": pegel.f64("m", default=3.5)})
    aging = pegel.Writer(tmp_path / "aging", level)
    # Old enough before anybody looks: its age is what its stamp says.
    aging.publish(level=4.5)
    with (
        serving(tmp_path, "--settings", "set", "--stale-after", "3600") as server,
        server.client() as client,
    ):
        assert read(client, "empty/level") == ("BadWaitingForInitialData", None)
        assert read(client, "left/level") == ("UncertainLastUsableValue", 1.5)
        assert read(client, "set/level") == ("Good", 2.5)
        assert read(client, "default/level") == ("UncertainInitialValue", 3.5)
        assert read(client, "aging/level") == ("Good", 4.5)
        writer.publish(level=0.5)
        assert read(client, "empty/level") == ("Good", 0.5)
        default.publish(level=0.5)
        assert read(client, "default/level") == ("Good", 0.5)
        aging.close()
        assert read(client, "aging/level") == ("UncertainLastUsableValue", 4.5)
    with serving(tmp_path, "--stale-after", "0") as server, server.client() as client:
        assert read(client, "empty/level") == ("UncertainLastUsableValue", 0.5)


def test_what_is_subscribed_gets_old(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
    writer.publish(level=1.5)
    with serving(tmp_path, "--stale-after", "1") as server, server.client() as client:
        changes = Changes()
        subscription = client.create_subscription(20, changes)
        subscription.subscribe_data_change(node(client, "tank/level"))
        status, value = changes.next()[1:3]
        # It may be old before it is subscribed.
        while status == "Good":
            status, value = changes.next()[1:3]
        assert (status, value) == ("UncertainLastUsableValue", 1.5)
        published = []
        while status != "Good":
            # On a slow machine it may be old again before a client is notified.
            writer.publish(level=1.5)
            published.append(writer.read().published)
            with suppress(queue.Empty):
                _, status, value, stamp = changes.received.get(timeout=0.5)
        # The same value, but new.
        assert value == 1.5
        assert any(is_when(stamp, moment) for moment in published)
        while status == "Good":
            status, value = changes.next()[1:3]
        assert (status, value) == ("UncertainLastUsableValue", 1.5)


def test_reports_a_killed_writer_and_the_next_one(tmp_path: Path) -> None:
    program = (
        "import pegel, sys\n"
        "writer = pegel.Writer(sys.argv[1], level=pegel.f64('m'))\n"
        "writer.publish(level=float(sys.argv[2]))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )

    def start(level: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program, str(tmp_path / "tank"), level]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    with start("1.5") as writer, serving(tmp_path) as server, server.client() as client:
        changes = Changes()
        # A queue of many, and the filter that OPC UA has for the default.
        subscription = client.create_subscription(20, changes)
        subscription.subscribe_data_change(node(client, "tank/level"))
        assert changes.next()[1:3] == ("Good", 1.5)
        writer.kill()
        assert changes.next()[1:3] == ("UncertainLastUsableValue", 1.5)
        with start("2.5") as successor:
            change = changes.next()[1:3]
            while change != ("Good", 2.5):
                change = changes.next()[1:3]
            successor.kill()
        assert changes.next()[1:3] == ("UncertainLastUsableValue", 2.5)


def test_one_request_is_answered_from_one_record(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "pair", a=pegel.u64(), b=pegel.u64())
    writer.publish(a=0, b=0)
    done = threading.Event()

    def publish() -> None:
        number = 0
        while not done.is_set():
            number += 1
            writer.publish(a=number, b=number)

    thread = threading.Thread(target=publish)
    with serving(tmp_path) as server, server.client() as client:
        thread.start()
        try:
            pair = [node(client, "pair/a"), node(client, "pair/b")]
            seen = [client.read_values(pair) for _ in range(300)]
        finally:
            done.set()
            thread.join()
    assert all(a == b for a, b in seen)
    assert len({a for a, _ in seen}) > 1


def test_subscribers_get_each_change_with_its_time(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"), rain=pegel.bool_())
    writer.publish(level=0, rain=False)
    with serving(tmp_path) as server, server.client() as client:
        changes = Changes()
        subscription = client.create_subscription(20, changes)
        subscription.subscribe_data_change([node(client, "tank/level"), node(client, "tank/rain")])
        assert {changes.next()[0], changes.next()[0]} == {"tank/level", "tank/rain"}
        for number in range(1, 20):
            writer.publish(level=number, rain=False)
            identifier, status, value, stamp = changes.next()
            assert (identifier, status, value) == ("tank/level", "Good", number)
            assert is_when(stamp, writer.read().published)


def test_boards_come_are_replaced_and_go(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client() as client:
        writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
        writer.publish(level=1.5)
        wait_until(lambda: read(client, "tank/level") == ("Good", 1.5))
        changes = Changes()
        subscription = client.create_subscription(20, changes)
        subscription.subscribe_data_change(node(client, "tank/level"))
        assert changes.next()[1:3] == ("Good", 1.5)

        writer.close()
        writer = pegel.Writer(
            tmp_path / "tank", level=pegel.f64("m"), rain=pegel.bool_(default=False)
        )
        writer.publish(level=2.5, rain=True)
        while changes.next()[1:3] != ("Good", 2.5):
            pass
        wait_until(lambda: read(client, "tank/rain") == ("Good", True))

        writer.close()
        pegel.unlink(tmp_path / "tank")
        while changes.next()[1] != "BadNodeIdUnknown":
            pass
        assert read(client, "tank/level") == ("BadNodeIdUnknown", None)
        namespace = client.get_namespace_index("urn:pegel:boards")
        assert client.nodes.objects.get_child(f"{namespace}:Boards").get_children() == []

        writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
        writer.publish(level=3.5)
        while changes.next()[1:3] != ("Good", 3.5):
            pass


def test_a_killed_server_is_replaced_by_one_with_the_same_certificate(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
    writer.publish(level=1.5)
    server = Server(tmp_path)
    try:
        with server.client() as client:
            assert read(client, "tank/level") == ("Good", 1.5)
        certificate = (server.state / "own/cert.der").read_bytes()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        writer.publish(level=2.5)
        with (
            serving(tmp_path, port=server.port) as successor,
            successor.client() as client,
        ):
            assert read(client, "tank/level") == ("Good", 2.5)
            assert (successor.state / "own/cert.der").read_bytes() == certificate
    finally:
        server.kill()
