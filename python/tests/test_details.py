"""Defaults, limits, unknown values, and descriptions of fields."""

import math
from typing import Any

import pytest

import pegel

DETAILS: dict[str, Any] = {
    "label": "Interval",
    "description": "Time from poll to poll",
    "default": 5.0,
    "min": 1.0,
    "max": 3600.0,
}


def test_every_reader_gets_details() -> None:
    field = pegel.f64("s", **DETAILS)
    for name, value in DETAILS.items():
        assert getattr(field, name) == value
    with pegel.Writer("config", {"interval": field}, description="Wünsche") as writer:
        reader = pegel.Reader("config")
        assert reader.description == writer.description == "Wünsche"
        for fields in (writer.fields, reader.fields):
            for name, value in DETAILS.items():
                assert getattr(fields["interval"], name) == value
    assert pegel.Reader("config").description == "Wünsche"


def test_fields_without_details() -> None:
    for field in (pegel.f64(), pegel.text(3), pegel.bool_(), pegel.json(9), pegel.bytes_(9)):
        assert not field.optional
        assert field.default is field.min is field.max is None
        assert field.label == field.description == ""
    with pegel.Writer("probe", n=pegel.u8()) as writer:
        assert writer.description == ""


def test_fields_are_equal_with_equal_details() -> None:
    assert pegel.f64("s", **DETAILS) == pegel.f64("s", **DETAILS)
    for name in DETAILS:
        less = {key: value for key, value in DETAILS.items() if key != name}
        assert pegel.f64("s", **less) != pegel.f64("s", **DETAILS)
    assert pegel.u8(optional=True) != pegel.u8()


def test_a_field_shows_its_details() -> None:
    shown = repr(pegel.f64("s", optional=True, **DETAILS))
    for part in ("optional=True", "default=5.0", "min=1.0", "max=3600.0", "Interval", "poll"):
        assert part in shown
    assert "default" not in repr(pegel.f64())


@pytest.mark.parametrize(
    ("field", "default"),
    [
        (pegel.bool_(default=True), True),
        (pegel.i64(default=-(2**63)), -(2**63)),
        (pegel.u64(default=2**64 - 1), 2**64 - 1),
        (pegel.f32(default=0.5), 0.5),
        (pegel.f64(default=7), 7.0),
        (pegel.f64(count=2, default=[1.5, 2]), (1.5, 2.0)),
        (pegel.text(24, default="Pegelstände"), "Pegelstände"),
        (pegel.text(4, count=2, default=("ab", "cd")), ("ab", "cd")),
        (pegel.json(99, default={"limits": [1, None]}), {"limits": [1, None]}),
        (pegel.bytes_(9, default=b"\0\xff"), b"\0\xff"),
    ],
)
def test_a_new_board_begins_with_the_defaults(field: pegel.Field, default: object) -> None:
    is_document = field.type in ("json", "bytes")
    with pegel.Writer("probe", field if is_document else {"value": field}) as writer:
        (own,) = writer.fields.values()
        assert own.default == default
        now = pegel.Reader("probe").read()
        assert (now.document if is_document else now["value"]) == default
        assert (now.sequence, now.generation, now.is_default) == (1, 0, True)
        assert now.stamp.is_default
        writer.publish(default if is_document else {"value": default})
        assert not writer.read().is_default


def test_a_board_that_needs_a_value_begins_empty() -> None:
    with (
        pegel.Writer("probe", a=pegel.u8(default=7), b=pegel.u8()) as writer,
        pytest.raises(pegel.Empty),
    ):
        writer.read()


def test_what_is_left_out_gets_its_default_or_is_unknown() -> None:
    fields = {
        "power": pegel.f64(),
        "interval": pegel.f64(default=5.0),
        "note": pegel.text(9, optional=True),
        "limit": pegel.u8(optional=True, default=80),
    }
    with pegel.Writer("probe", fields) as writer:
        writer.publish(power=1)
        assert writer.read() == {"power": 1.0, "interval": 5.0, "note": None, "limit": 80}
        writer.publish(power=1, interval=6, note="", limit=None)
        assert writer.read() == {"power": 1.0, "interval": 6.0, "note": "", "limit": None}
        with pytest.raises(pegel.InvalidFields, match=r"probe.*power.*missing"):
            writer.publish(interval=5)
        with pytest.raises(pegel.InvalidFields, match=r"probe.*power"):
            writer.publish(power=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (pegel.bool_(optional=True), False),
        (pegel.u64(optional=True), 0),
        (pegel.f64(optional=True), math.inf),
        (pegel.f32(optional=True, count=2), (0.5, 1.5)),
        (pegel.text(9, optional=True), ""),
    ],
)
def test_unknown_is_none_both_ways(field: pegel.Field, value: object) -> None:
    with pegel.Writer("probe", {"before": pegel.u8(optional=True), "value": field}) as writer:
        for known in (None, value, None):
            writer.publish(before=None if known else 1, value=known)
            assert writer.read()["value"] == known
            assert pegel.Reader("probe").read() == writer.read()


def test_a_change_leaves_the_unknown_unknown() -> None:
    fields = {"a": pegel.u8(optional=True), "b": pegel.u8(optional=True), "c": pegel.u8()}
    with pegel.Writer("probe", fields) as writer:
        writer.publish(a=None, b=2, c=3)
        writer.update(c=4)
        assert writer.read() == {"a": None, "b": 2, "c": 4}
        writer.update(a=1, b=None)
        assert writer.read() == {"a": 1, "b": None, "c": 4}


def test_bytes_know_all_fields() -> None:
    with pegel.Writer("probe", a=pegel.u8(optional=True), b=pegel.u8(optional=True)) as writer:
        writer.publish_bytes(b"\x01\x02")
        assert writer.read() == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("field", "within", "outside", "message"),
    [
        (
            pegel.f64("s", min=1, max=3600),
            [1, 3600.0],
            [0.999, 3601, math.nan],
            "between 1 and 3600 s",
        ),
        (pegel.u8(max=80), [0, 80], [81], "at most 80"),
        (pegel.i64(min=-(2**63) + 1), [2**63 - 1], [-(2**63)], "at least -9223372036854775807"),
        (pegel.f32(max=0.1), [0.1], [0.11], "at most 0.1"),
        (pegel.i8(count=2, min=0, max=5), [(0, 5)], [(0, 6), (-1, 0)], "between 0 and 5"),
        (pegel.f64(optional=True, min=1), [None, 1], [0], "at least 1"),
    ],
)
def test_limits_are_kept(
    field: pegel.Field, within: list[object], outside: list[object], message: str
) -> None:
    with pegel.Writer("config", {"value": field}) as writer:
        for value in within:
            writer.publish(value=value)
        sequence = writer.sequence
        for value in outside:
            with pytest.raises(pegel.InvalidFields, match=rf"config.*value.*{message}"):
                writer.publish(value=value)
            with pytest.raises(pegel.InvalidFields, match=rf"config.*value.*{message}"):
                writer.update(value=value)
        assert writer.sequence == sequence


def test_bytes_are_not_checked() -> None:
    with pegel.Writer("config", n=pegel.u8(max=80)) as writer:
        writer.publish_bytes(b"\xff")
        assert writer.read()["n"] == 255


def test_a_writer_of_a_shared_board_keeps_the_boards_limits() -> None:
    pegel.Writer("config", n=pegel.u8(max=80, default=1)).close()
    with pegel.Writer.open("config") as writer:
        writer.update(n=80)
        with pytest.raises(pegel.InvalidFields, match="at most 80"):
            writer.update(n=81)


def test_details_that_are_none() -> None:
    for field, reason in (
        (pegel.Field("bool", min=1), "limits"),
        (pegel.u8(min=300), "minimum.*must be u8"),
        (pegel.u8(min=5, max=4), "no value is between 5 and 4"),
        (pegel.f64(max=math.inf), "maximum.*finite"),
        (pegel.u8(default=5, max=4), "default.*at most 4"),
        (pegel.text(2, default="abc"), "default.*got 3"),
        (pegel.u8(count=2, default=1), "default.*array of 2"),
        (pegel.Field("u8", default="x"), "default.*got a text"),
    ):
        with pytest.raises(pegel.Error, match=f"probe.*{reason}"):
            pegel.Writer("probe", {"value": field})
    with pytest.raises(pegel.InvalidFields, match=r"default.*set"):
        pegel.json(9, default={1})
    with pytest.raises(pegel.InvalidFields, match=r"default.*object"):
        pegel.Field("u8", default=object())
    many = {f"f{n}": pegel.u8(optional=True) for n in range(65)}
    with pytest.raises(pegel.InvalidFields, match=r"at most 64 fields can be optional \(got 65\)"):
        pegel.Writer("probe", many)
    assert pegel.boards() == []


def test_sixty_four_unknown() -> None:
    fields = {f"f{n}": pegel.u8(optional=True) for n in range(64)}
    with pegel.Writer("probe", fields) as writer:
        record = {name: n if n % 3 else None for n, name in enumerate(fields)}
        writer.publish(record)
        assert writer.read() == record
