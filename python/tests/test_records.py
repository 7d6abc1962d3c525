"""Records as classes."""

import dataclasses
from typing import Annotated, Any, ClassVar, Optional

import pytest

import pegel


class Inverter(pegel.Record):
    """What the inverter says.

    Every five seconds.
    """

    PHASES: ClassVar[int] = 1

    power: Annotated[float, pegel.f64("W")]
    strings: Annotated[tuple[float, ...], pegel.f64("V", count=2)]
    temperature: Annotated[Optional[float], pegel.f64("degC", optional=True)] = None
    limit: Annotated[int, pegel.u8("%", max=100)] = 80
    note: Annotated[str, pegel.text(9)] = "new"


class Newer(Inverter):
    """A later version."""

    phase: Annotated[int, pegel.u8(default=1)] = 1


class Bare(pegel.Record):
    power: pegel.f64("W")  # type: ignore[valid-type]
    note: "pegel.text(9)" = None  # type: ignore[valid-type]


NOW = Inverter(power=3.0, strings=(1.5, 2.5))


def test_a_record_is_published_and_read() -> None:
    with pegel.Writer("inverter", Inverter) as writer:
        writer.publish(NOW)
        reader = pegel.Reader("inverter", Inverter)
        now = reader.read().as_record(Inverter)
        assert now == NOW
        assert isinstance(now, Inverter)
        assert (now.power, now.strings, now.temperature) == (3.0, (1.5, 2.5), None)
        assert (now.limit, now.note) == (80, "new")
        writer.publish_if(1, dataclasses.replace(now, temperature=21.5, limit=90))
        assert reader.read() == {
            "power": 3.0,
            "strings": (1.5, 2.5),
            "temperature": 21.5,
            "limit": 90,
            "note": "new",
        }
        writer.update(lambda _: NOW)
        assert writer.read().as_record(Inverter) == NOW
        with pytest.raises(pegel.InvalidFields, match=r"inverter.*limit.*at most 100"):
            writer.publish(dataclasses.replace(NOW, limit=101))


def test_the_class_describes_the_board() -> None:
    with pegel.Writer("inverter", Inverter) as writer:
        assert writer.description == "What the inverter says.\n\nEvery five seconds."
        assert list(writer.fields) == ["power", "strings", "temperature", "limit", "note"]
        power, limit = writer.fields["power"], writer.fields["limit"]
        assert (power.type, power.unit, power.default) == ("f64", "W", None)
        assert (limit.default, limit.max) == (80, 100)
        assert writer.fields["temperature"].optional
    with pegel.Writer("other", Inverter, description="mine") as writer:
        assert writer.description == "mine"
    with pegel.Writer("bare", Bare) as writer:
        assert writer.description == ""


def test_a_record_is_an_immutable_dataclass() -> None:
    names = [field.name for field in dataclasses.fields(NOW)]
    assert names == ["power", "strings", "temperature", "limit", "note"]
    assert dataclasses.asdict(NOW)["limit"] == 80
    assert Inverter(power=3.0, strings=(1.5, 2.5), limit=80) == NOW
    assert Inverter(power=4.0, strings=(1.5, 2.5)) != NOW
    assert hash(NOW) == hash(dataclasses.replace(NOW))
    assert repr(NOW).startswith("Inverter(power=3.0, strings=(1.5, 2.5), temperature=None")
    with pytest.raises(dataclasses.FrozenInstanceError):
        NOW.power = 4.0  # type: ignore[misc]


def test_what_makes_no_record() -> None:
    arguments: Any
    for arguments, reason in (
        ({"power": 1.0}, "Inverter needs strings"),
        ({"power": 1.0, "strings": (1.0, 2.0), "depth": 1}, "Inverter has no field depth"),
    ):
        with pytest.raises(TypeError, match=reason):
            Inverter(**arguments)
    with pytest.raises(TypeError):
        Inverter(3.0, (1.5, 2.5))  # type: ignore[call-arg]


def test_fields_without_types() -> None:
    with pegel.Writer("bare", Bare) as writer:
        writer.publish(Bare(power=1.0))
        assert writer.read().as_record(Bare) == Bare(power=1.0, note=None)
        assert writer.read() == {"power": 1.0, "note": None}


def test_versions_of_a_class() -> None:
    with pegel.Writer("inverter", Inverter) as writer:
        writer.publish(NOW)
        newer = pegel.Reader("inverter", Newer).read()
        assert newer.as_record(Newer).phase == 1
        assert newer.as_record(Inverter) == NOW
        assert pegel.Reader("inverter").read().as_record(Newer).phase == 1
    with pegel.Writer("inverter", Newer) as writer:
        writer.publish(Newer(power=1.0, strings=(0.0, 0.0), phase=3))
        writer.publish(NOW)
        first, second = pegel.Reader("inverter").last(2)
        assert first.as_record(Newer).phase == 3
        assert second.as_record(Newer).phase == 1
        assert second.as_record(Inverter) == NOW
        assert vars(second.as_record(Inverter)) == vars(NOW)


def test_a_snapshot_of_something_else() -> None:
    class Level(pegel.Record):
        level: Annotated[float, pegel.f64("m")]

    class Longer(Inverter):
        phase: Annotated[int, pegel.u8()]

    with pegel.Writer("inverter", Inverter) as writer:
        writer.publish(NOW)
        now = writer.read()
        with pytest.raises(pegel.InvalidFields, match=r"inverter.*power.*level"):
            now.as_record(Level)
        with pytest.raises(pegel.InvalidFields, match=r"inverter.*lacks phase"):
            now.as_record(Longer)
        with pytest.raises(TypeError, match="int is not a class of records"):
            now.as_record(int)  # type: ignore[type-var]
        with pytest.raises(pegel.InvalidFields, match=r"inverter.*level"):
            writer.publish(Level(level=1.0))
        with pytest.raises(pegel.InvalidFields, match=r"inverter.*level"):
            pegel.Reader("inverter", Level)
    with pegel.Writer("ahoy", pegel.json(99)) as writer:
        writer.publish({"power": 1.0})
        with pytest.raises(TypeError, match=r"ahoy.*json"):
            writer.read().as_record(Bare)


def test_rejects_members_without_a_field() -> None:
    with pytest.raises(TypeError, match=r"Plain\.power is not a field.*Annotated"):

        class Plain(pegel.Record):
            power: float

    with pytest.raises(pegel.InvalidFields, match=r"Limited.*default.*at most 5"):

        class Limited(pegel.Record):
            n: Annotated[int, pegel.u8(max=5)] = 6

    with pytest.raises(pegel.InvalidFields, match=r"Document.*document"):

        class Document(pegel.Record):
            document: Annotated[Any, pegel.json(99)]

    for empty in (pegel.Record, type("Empty", (pegel.Record,), {})):
        with pytest.raises(TypeError, match=r"empty.*pegel\.Field, not type"):
            pegel.Writer("empty", empty)
    assert pegel.boards() == []


def test_a_default_in_the_class_or_in_the_field() -> None:
    class Config(pegel.Record):
        interval: Annotated[float, pegel.f64("s", min=1)] = 5
        note: Annotated[Optional[str], pegel.text(9)] = None
        limit: Annotated[int, pegel.u8(default=80)]

    assert type(Config(limit=1).interval) is float
    with pegel.Writer("config", Config) as writer:
        now = writer.read()
        assert now.is_default
        assert now == {"interval": 5.0, "note": None, "limit": 80}
        assert writer.fields["note"].optional
        assert writer.fields["interval"].min == 1.0
