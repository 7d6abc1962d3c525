"""`pegel opcua`, looked at, read, followed and written by a real client."""

import functools
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaStatusCodeError

import pegel
from helpers.opcua import Changes, Server, name, node, read, serving
from helpers.programs import WATCHDOG, wait_until

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
    """Whether a time is that of a publication, which is worked out anew for each who reads."""
    assert stamp
    assert published
    return abs(stamp.replace(tzinfo=UTC) - published) < timedelta(milliseconds=1)


def bad_status(action: object) -> str:
    """The status code that a client is refused with."""
    with pytest.raises(UaStatusCodeError) as refused:
        action()  # type: ignore[operator]
    return name(ua.StatusCode(ua.UInt32(refused.value.code)))


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


def test_status_codes_tell_how_good_a_value_is(tmp_path: Path) -> None:
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
            # On a slow machine it may be old again before anybody is told.
            writer.publish(level=1.5)
            published.append(writer.read().published)
            with suppress(queue.Empty):
                _, status, value, stamp = changes.told.get(timeout=0.5)
        # The same value, but new.
        assert value == 1.5
        assert any(is_when(stamp, moment) for moment in published)
        while status == "Good":
            status, value = changes.next()[1:3]
        assert (status, value) == ("UncertainLastUsableValue", 1.5)


def test_a_killed_writer_is_told_and_so_is_the_next(tmp_path: Path) -> None:
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
            told = changes.next()[1:3]
            while told != ("Good", 2.5):
                told = changes.next()[1:3]
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


SETTINGS = {
    "interval": pegel.f64("s", min=0.1, max=3600, default=5),
    "limits": pegel.Field("u16", unit="W", count=3, default=[1, 2, 3]),
    "name": pegel.text(8, default="tank"),
    "offset": pegel.Field("f32", optional=True),
}


def test_writing_publishes(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "config", SETTINGS, mode=0o660).close()
    reader = pegel.Reader(tmp_path / "config")
    with serving(tmp_path, "--write", "config") as server, server.client() as client:
        assert read(client, "config/interval") == ("Good", 5)
        node(client, "config/interval").write_value(2.5)
        now = reader.read()
        assert (dict(now), now.sequence) == (
            {"interval": 2.5, "limits": (1, 2, 3), "name": "tank", "offset": None},
            2,
        )
        assert read(client, "config/interval") == ("Good", 2.5)

        # What comes together is published together.
        fields = [node(client, "config/limits"), node(client, "config/name")]
        kinds = [ua.VariantType.UInt16, ua.VariantType.String]
        values = [
            ua.Variant(value, kind) for value, kind in zip([[7, 8, 9], "drum"], kinds, strict=True)
        ]
        client.write_values(fields, values)
        now = reader.read()
        assert (now["limits"], now["name"], now.sequence) == ((7, 8, 9), "drum", 3)

        node(client, "config/offset").write_value(1.5, ua.VariantType.Float)
        assert reader.read()["offset"] == 1.5
        node(client, "config/offset").write_value(None, ua.VariantType.Null)
        assert reader.read()["offset"] is None

        part = ua.DataValue(ua.Variant([5], ua.VariantType.UInt16))
        node(client, "config/limits").write_attribute(AttributeIds.Value, part, indexrange="1")
        assert reader.read()["limits"] == (7, 5, 9)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "config", SETTINGS, mode=0o660).close()
    pegel.Writer(tmp_path / "ahoy", pegel.json(20), mode=0o660).close()
    pegel.Writer(tmp_path / "fresh", a=pegel.u8(), b=pegel.u8()).close()
    tank = pegel.Writer(tmp_path / "tank", level=pegel.f64("m"))
    tank.publish(level=1)
    boards = [word for board in ("config", "ahoy", "fresh") for word in ("--write", board)]
    with serving(tmp_path, *boards, "--timeout", "0.1") as server, server.client() as client:

        def write(identifier: str, value: object, kind: str) -> str:
            variant = ua.VariantType[kind]
            return bad_status(lambda: node(client, identifier).write_value(value, variant))

        assert write("tank/level", 2.0, "Double") == "BadUserAccessDenied"
        assert write("config/interval", 0.05, "Double") == "BadOutOfRange"
        assert write("config/interval", "5", "String") == "BadTypeMismatch"
        assert write("config/interval", None, "Null") == "BadTypeMismatch"
        assert write("config/interval", [5.0], "Double") == "BadTypeMismatch"
        assert write("config/limits", [1, 2], "UInt16") == "BadOutOfRange"
        for part, values, status in [
            ("0:1", [1, 2, 3], "BadIndexRangeDataMismatch"),
            ("0:2", [1], "BadIndexRangeDataMismatch"),
            ("1", [1, 2], "BadIndexRangeDataMismatch"),
            ("1:9", [1, 2], "BadIndexRangeNoData"),
            ("3", [1], "BadIndexRangeNoData"),
            ("0:4294967295", [1], "BadIndexRangeNoData"),
        ]:
            value = ua.DataValue(ua.Variant(values, ua.VariantType.UInt16))
            limits = node(client, "config/limits")
            told = bad_status(
                functools.partial(limits.write_attribute, AttributeIds.Value, value, part)
            )
            assert told == status, part
        assert write("config/name", "far too long", "String") == "BadOutOfRange"
        assert write("config/nothing", 1.0, "Double") == "BadNodeIdUnknown"
        assert write("ahoy/document", "{", "String") == "BadTypeMismatch"
        assert write("ahoy/document", f'"{"x" * 30}"', "String") == "BadOutOfRange"
        # The first record needs all fields.
        assert write("fresh/a", 1, "Byte") == "BadWaitingForInitialData"
        assert pegel.Reader(tmp_path / "config").sequence == 1
        assert pegel.Reader(tmp_path / "ahoy").sequence == 0

        fields = [node(client, "fresh/a"), node(client, "fresh/b")]
        client.write_values(fields, [ua.Variant(1, ua.VariantType.Byte)] * 2)
        assert dict(pegel.Reader(tmp_path / "fresh").read()) == {"a": 1, "b": 1}

        with pegel.Writer.open(tmp_path / "config"):
            assert write("config/interval", 5.0, "Double") == "BadResourceUnavailable"
        node(client, "config/interval").write_value(6.0)
        assert pegel.Reader(tmp_path / "config").read()["interval"] == 6


def test_changes_of_many_clients_lose_nothing(tmp_path: Path) -> None:
    fields = {f"field{number}": pegel.u32(default=0) for number in range(4)}
    pegel.Writer(tmp_path / "config", fields, mode=0o660).close()
    with serving(tmp_path, "--write", "config", "--timeout", str(WATCHDOG)) as server:

        def count(field: str) -> None:
            with server.client() as client:
                for number in range(1, 26):
                    node(client, f"config/{field}").write_value(number, ua.VariantType.UInt32)

        threads = [threading.Thread(target=count, args=[field]) for field in fields]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    now = pegel.Reader(tmp_path / "config").read()
    assert dict(now) == dict.fromkeys(fields, 25)
    assert now.sequence == 1 + 4 * 25


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
