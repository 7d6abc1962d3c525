"""The package as its users write it: only the type checkers run this."""

# pyright: strict

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy
from typing_extensions import assert_type

import pegel


class Inverter(pegel.Record):
    """What the inverter says."""

    power: Annotated[float, pegel.f64("W", min=0)]
    strings: Annotated[tuple[float, ...], pegel.f64("V", count=2)]
    temperature: Annotated[Optional[float], pegel.f64("degC", optional=True)] = None
    limit: Annotated[int, pegel.u8("%", max=100, label="Limit", description="Of the rated")] = 80


class Newer(Inverter):
    phase: Annotated[int, pegel.u8()] = 1


def station() -> None:
    with pegel.Writer("station", level=pegel.f64("m"), note=pegel.text(24)) as writer:
        assert_type(writer.publish(level=3.21, note="rising"), int)
        assert_type(writer.publish_if(1, {"level": 3.21, "note": "rising"}), int)
        assert_type(writer.publish_unless_full(1, {"level": 3.21, "note": "rising"}), int)
        assert_type(writer.update(lambda record: {**record, "level": 4}), int)
        writer.publish_bytes(memoryview(b""))
    with pegel.Reader(Path("/srv/boards/station")) as reader:
        now = reader.read()
        assert_type(now, pegel.Snapshot)
        assert_type(now["level"], Any)
        assert_type(now.sequence, int)
        assert_type(now.age, float)
        assert_type(now.published, Optional[datetime])
        assert_type(now.writer_alive, bool)
        assert_type(now.is_default, bool)
        assert_type(now.missed, int)
        assert_type(now.bytes, bytes)
        assert_type(reader.fields["level"], pegel.Field)
        assert_type(reader.description, str)
        mapping: Mapping[str, Any] = now
        print(mapping)
        assert_type(reader.last(3), list[pegel.Snapshot])
        for now in reader.follow(timeout=30):
            print(now["level"])
        for later in reader.follow(after=now.sequence, every=True):
            print(later.missed)


def config() -> None:
    try:
        with pegel.Writer.open("config", timeout=1.0) as writer:
            writer.update(limit=80)
    except pegel.NotFound as error:
        assert_type(error.filename, Any)
        assert_type(error.code, int)
    pegel.Writer(
        "config",
        interval=pegel.f64("s", default=5, min=1, max=3600),
        limits=pegel.u8(count=2, default=[0, 80], optional=True),
        on=pegel.bool_(default=False, label="On"),
        description="What the page asks",
    )
    pegel.u8(default=0.5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    pegel.bool_(min=0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def records() -> None:
    now = Inverter(power=3.0, strings=(1.5, 2.5))
    assert_type(now.power, float)
    assert_type(now.temperature, Optional[float])
    assert_type(now.limit, int)
    with pegel.Writer("inverter", Inverter, mode=0o660) as writer:
        writer.publish(now)
    snapshot = pegel.Reader("inverter", Newer).read()
    assert_type(snapshot.as_record(Newer), Newer)
    assert_type(snapshot.as_record(Inverter).power, float)
    Newer(power=3.0, strings=(1.5, 2.5), phase=2, limit=7)
    now.power = 4.0  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    Inverter(power=3.0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    Inverter(3.0, (1.5, 2.5))  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    Inverter(power="3", strings=())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    snapshot.as_record(int)  # type: ignore[type-var] # pyright: ignore[reportArgumentType]


def arrays() -> None:
    now = pegel.Reader("inverter").read()
    assert_type(now.as_numpy(), numpy.void)
    assert_type(now.dtype, "numpy.dtype[numpy.void]")


async def events() -> None:
    reader = pegel.Reader("station", {"level": pegel.f64("m")})
    async for now in reader:
        assert_type(now, pegel.Snapshot)
    async for now in reader.follow(every=True):
        assert_type(now, pegel.Snapshot)
