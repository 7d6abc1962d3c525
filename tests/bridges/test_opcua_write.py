"""`pegel opcua`, written by a real client."""

import functools
import threading
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaStatusCodeError

import pegel
from helpers.opcua import name, node, read, serving
from helpers.programs import WATCHDOG

SETTINGS = {
    "interval": pegel.f64("s", min=0.1, max=3600, default=5),
    "limits": pegel.Field("u16", unit="W", count=3, default=[1, 2, 3]),
    "name": pegel.text(8, default="tank"),
    "offset": pegel.Field("f32", optional=True),
}


def bad_status(action: object) -> str:
    """The status code that a client is refused with."""
    with pytest.raises(UaStatusCodeError) as refused:
        action()  # type: ignore[operator]
    return name(ua.StatusCode(ua.UInt32(refused.value.code)))


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
            actual = bad_status(
                functools.partial(limits.write_attribute, AttributeIds.Value, value, part)
            )
            assert actual == status, part
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


def test_one_request_is_applied_whole_or_not_at_all(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "config", SETTINGS, mode=0o660).close()
    pegel.Writer(tmp_path / "other", a=pegel.u8(default=0)).close()
    boards = ("--write", "config", "--write", "other")
    with serving(tmp_path, *boards) as server, server.client() as client:

        def write(*values: tuple[str, object, str]) -> list[str]:
            nodes = [node(client, identifier) for identifier, _, _ in values]
            variants = [ua.Variant(value, ua.VariantType[kind]) for _, value, kind in values]
            answers = client.write_values(nodes, variants, raise_on_partial_error=False)
            return [name(answer) for answer in answers]

        good, other = ("config/interval", 5.0, "Double"), ("other/a", 1, "Byte")
        for bad, status in [
            (("config/name", "far too long", "String"), "BadOutOfRange"),
            (("config/name", 5.0, "Double"), "BadTypeMismatch"),
            (("config/nothing", 5.0, "Double"), "BadNodeIdUnknown"),
        ]:
            assert write(good, bad, other) == ["BadRequestNotAllowed", status, "Good"]
        assert pegel.Reader(tmp_path / "config").sequence == 1
        assert pegel.Reader(tmp_path / "other").sequence == 4
        assert write(good, other) == ["Good", "Good"]


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
