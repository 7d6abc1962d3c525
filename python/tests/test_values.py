"""Values of every type, written and read; and values that are rejected."""

import math
import struct
from array import array
from typing import Any

import pytest

import pegel

INTEGERS = [
    (pegel.i8, -(2**7), 2**7 - 1),
    (pegel.u8, 0, 2**8 - 1),
    (pegel.i16, -(2**15), 2**15 - 1),
    (pegel.u16, 0, 2**16 - 1),
    (pegel.i32, -(2**31), 2**31 - 1),
    (pegel.u32, 0, 2**32 - 1),
    (pegel.i64, -(2**63), 2**63 - 1),
    (pegel.u64, 0, 2**64 - 1),
]


def back(field: pegel.Field, value: Any) -> Any:
    """The value after it went through a board."""
    with pegel.Writer("probe", {"value": field}, replace=True) as writer:
        writer.publish(value=value)
        return pegel.Reader("probe").read()["value"]


def refused(field: pegel.Field, value: Any, reason: str) -> None:
    with pegel.Writer("probe", {"value": field}, replace=True) as writer:
        before = writer.sequence
        with pytest.raises(pegel.Error, match=f"probe.*value.*{reason}") as caught:
            writer.publish(value=value)
        assert isinstance(caught.value, (pegel.InvalidFields, pegel.TooLarge))
        assert writer.sequence == before


@pytest.mark.parametrize(("helper", "least", "most"), INTEGERS)
def test_integers(helper: Any, least: int, most: int) -> None:
    for value in (least, 0, most):
        assert back(helper(), value) == value
        assert type(back(helper(), value)) is int
    assert back(helper(count=2), [least, most]) == (least, most)
    for value in (least - 1, most + 1, 2**64, -(2**63) - 1, 10**40):
        refused(helper(), value, "must be|beyond")
    for wrong in (1.0, True, "1", None, [1]):
        refused(helper(), wrong, "must be|cannot be")


def test_floats() -> None:
    for value in (0.0, 3.21, 1.7976931348623157e308, 5e-324, math.inf, -math.inf):
        assert back(pegel.f64(), value) == value
    for helper in (pegel.f32, pegel.f64):
        assert math.isnan(back(helper(), math.nan))
        assert back(helper(), math.inf) == math.inf
        assert math.copysign(1, back(helper(), -0.0)) == -1
        assert back(helper(), 7) == 7.0
        assert type(back(helper(), 7)) is float
        wrong: tuple[Any, ...] = (True, "1", None, [1.0], {})
        for value in wrong:
            refused(helper(), value, "must be|cannot be")
    assert back(pegel.f32(), 0.1) == struct.unpack("f", struct.pack("f", 0.1))[0]
    assert back(pegel.f64(count=2), (1.5, 2)) == (1.5, 2.0)


@pytest.mark.parametrize(("helper", "digits"), [(pegel.f32, 24), (pegel.f64, 53)])
def test_rejects_integers_that_a_float_would_round(helper: Any, digits: int) -> None:
    for exact in (2**digits, -(2**digits), 2**digits + 2, 2**62, -(2**63)):
        assert back(helper(), exact) == exact
    for rounded in (2**digits + 1, -(2**digits) - 1, 2**63 - 1, 2**64 - 1):
        refused(helper(), rounded, f"cannot hold the integer {rounded} exactly")
        refused(helper(count=2), [0, rounded], "exactly")
        for detail in ("default", "min", "max"):
            with pytest.raises(pegel.InvalidFields, match=r"probe.*exactly"):
                pegel.Writer("probe", {"value": helper(**{detail: rounded})}, replace=True)
        # A float says that rounding is meant.
        assert back(helper(), float(rounded)) == nearest(digits, rounded)


def nearest(digits: int, value: int) -> float:
    """The value as a float of that many digits."""
    return float(struct.unpack("f", struct.pack("f", value))[0]) if digits == 24 else float(value)


def test_bools() -> None:
    assert back(pegel.bool_(), True) is True
    assert back(pegel.bool_(), False) is False
    assert back(pegel.bool_(count=3), [True, False, True]) == (True, False, True)
    for wrong in (1, 0.0, "true", None):
        refused(pegel.bool_(), wrong, "must be|cannot be")
    with pegel.Writer("bytes", flag=pegel.bool_()) as writer:
        writer.publish_bytes(b"\x02")
        assert writer.read()["flag"] is True


def test_texts() -> None:
    for text in ("", "rising", "Pegelstände", "ä" * 12, "x" * 24, "🌊" * 6):
        assert back(pegel.text(24), text) == text
    refused(pegel.text(24), "ä" * 13, "24 bytes.*26")
    refused(pegel.text(24), "a\0b", "NUL")
    refused(pegel.text(24), "\ud800", "surrogates")
    for wrong in (b"bytes", 1, None):
        refused(pegel.text(24), wrong, "must be|cannot be")
    assert back(pegel.text(4, count=2), ["ab", "cdef"]) == ("ab", "cdef")


def test_arrays_have_their_length() -> None:
    for wrong in ([], [1.0], [1.0, 2.0, 3.0], 1.0, "ab", {1.0, 2.0}, {1.0: 2.0}):
        refused(pegel.f64(count=2), wrong, "array of 2|cannot be the value")
    refused(pegel.f64(count=2), [1.0, "2"], "got a text")
    endless: list[object] = []
    endless.extend([endless, endless])
    refused(pegel.f64(count=2), endless, "list cannot be the value")


def test_arrays_of_others() -> None:
    values = array("d", [1.5, 2.5])
    assert back(pegel.f64(count=2), values) == (1.5, 2.5)
    assert back(pegel.f64(count=2), memoryview(values)) == (1.5, 2.5)


def test_numbers_of_others() -> None:
    class Scalar:
        """As numpy's."""

        def tolist(self) -> float:
            return 1.5

    assert back(pegel.f64(), Scalar()) == 1.5
    assert back(pegel.f64(count=2), [Scalar(), 2]) == (1.5, 2.0)
    refused(pegel.i32(), Scalar(), "got a float")


def test_every_field_once() -> None:
    with pegel.Writer("probe", level=pegel.f64(), rain=pegel.bool_()) as writer:
        with pytest.raises(pegel.InvalidFields, match=r"probe.*rain.*missing"):
            writer.publish(level=1)
        with pytest.raises(pegel.InvalidFields, match=r"probe.*depth"):
            writer.publish(level=1, rain=True, depth=1)
        with pytest.raises(TypeError):
            writer.publish({1: 2})


def test_reports_an_error_inside_a_value() -> None:
    class Broken:
        def tolist(self) -> float:
            raise RuntimeError("the sensor is unplugged")

    with (
        pegel.Writer("probe", level=pegel.f64()) as writer,
        pytest.raises(RuntimeError, match="unplugged"),
    ):
        writer.publish(level=Broken())


def test_fields_that_are_none() -> None:
    for fields, reason in (
        ({"1st": pegel.f64()}, "1st"),
        ({"ä": pegel.f64()}, "ä"),
        ({"a" * 32: pegel.f64()}, "31 bytes"),
        ({"a": pegel.f64("x" * 16)}, "15 bytes"),
        ({"a": pegel.text(0)}, "size"),
        ({"a": pegel.json(9), "b": pegel.u8()}, "only field"),
        ({"a": pegel.Field("json", size=9, count=2)}, "array"),
        ({"a": pegel.Field("u8", size=2)}, r"1 bytes \(got 2\)"),
        ({}, "fields"),
    ):
        with pytest.raises(pegel.InvalidFields, match=f"probe.*{reason}"):
            pegel.Writer("probe", fields)
    with pytest.raises(pegel.InvalidFields, match="two fields are called a"):
        pegel.Writer("probe", {"a": pegel.u8()}, a=pegel.u8())
    with pytest.raises(pegel.InvalidFields, match="f65"):
        pegel.Field("f65")
    with pytest.raises(pegel.InvalidFields, match="must be at least 1"):
        pegel.f64(count=0)
    with pytest.raises(TypeError, match=r"probe.*level.*pegel.Field.*str"):
        pegel.Writer("probe", level="f64")  # type: ignore[arg-type]
    assert pegel.boards() == []
