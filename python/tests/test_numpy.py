"""Records as NumPy sees them."""

import subprocess
import sys
from typing import Callable

import numpy
import pytest

import pegel

FIELDS = {
    "on": pegel.bool_(),
    "power": pegel.f64("W", count=2),
    "small": pegel.i8(),
    "count": pegel.u32(),
    "note": pegel.text(5),
    "ratio": pegel.f32(),
}
RECORD = {
    "on": True,
    "power": (1.5, 2.5),
    "small": -7,
    "count": 2**32 - 1,
    "note": "grün",
    "ratio": 0.5,
}


def test_the_record_is_looked_at_where_it_is() -> None:
    with pegel.Writer("station", FIELDS) as writer, pegel.Reader("station") as reader:
        writer.publish(RECORD)
        now = reader.read()
        record = now.as_numpy()
        assert record["on"]
        assert record["power"].tolist() == [1.5, 2.5]
        assert (record["small"], record["count"], record["ratio"]) == (-7, 2**32 - 1, 0.5)
        assert record["note"].decode() == "grün"
        assert isinstance(record["small"], numpy.int8)
        assert record.tobytes() == now.bytes
        assert numpy.shares_memory(record, numpy.frombuffer(now.bytes, "u1"))
        with pytest.raises(ValueError, match="read-only"):
            record["count"] = 1


def test_the_dtype_is_the_layout() -> None:
    with pegel.Writer("station", FIELDS) as writer, pegel.Reader("station") as reader:
        writer.publish(RECORD)
        dtype = reader.dtype
        assert dtype == writer.dtype == reader.read().dtype == reader.read().as_numpy().dtype
        assert dtype.itemsize == reader.info.record_size
        assert dtype.names == tuple(FIELDS)
        assert dtype.fields is not None
        for name, field in reader.fields.items():
            assert dtype.fields[name][1] == field.offset
            assert dtype.fields[name][0].itemsize == field.size * field.count


NUMBERS = (pegel.i8, pegel.u8, pegel.i16, pegel.u16, pegel.i32, pegel.u32, pegel.i64, pegel.u64)


@pytest.mark.parametrize("helper", [pegel.bool_, *NUMBERS, pegel.f32, pegel.f64])
def test_every_type(helper: Callable[[], pegel.Field]) -> None:
    field = helper()
    with pegel.Writer("probe", {"before": pegel.u8(), "value": field}) as writer:
        writer.publish(before=1, value=True if field.type == "bool" else 1)
        assert writer.read().as_numpy()["value"] == 1
        assert writer.dtype["value"].itemsize == field.size


def test_a_scalar_or_array_is_published_as_its_bytes() -> None:
    with pegel.Writer("station", FIELDS) as writer:
        array = numpy.zeros((), writer.dtype)
        array["power"] = [3, 4]
        array["note"] = "süß".encode()
        for record in (array, array[()]):
            writer.publish(record)
            now = writer.read()
            assert now["power"] == (3.0, 4.0)
            assert now["note"] == "süß"
            assert not now["on"]
        sequence = writer.sequence
        assert writer.publish_if(sequence, array) == sequence + 1
        other = numpy.zeros((), [("power", "f8")])
        for wrong in (other, other[()], numpy.zeros(2, writer.dtype), numpy.float64(1)):
            with pytest.raises(pegel.InvalidFields, match=r"station.*dtype"):
                writer.publish(wrong)


def test_what_is_unknown_has_no_bytes_of_its_own() -> None:
    with pegel.Writer("probe", a=pegel.u8(optional=True), b=pegel.u8()) as writer:
        writer.publish(b=1)
        assert writer.read().as_numpy()["b"] == 1
        writer.publish(writer.read().as_numpy())
        assert writer.read()["a"] is not None


def test_a_view_has_its_own_dtype() -> None:
    with pegel.Writer("probe", a=pegel.u8()) as writer:
        writer.publish(a=1)
        reader = pegel.Reader("probe", {"a": pegel.u8(), "b": pegel.f64(default=2.5)})
        assert reader.dtype.names == ("a", "b")
        assert reader.read().as_numpy()["b"] == 2.5


@pytest.mark.parametrize("field", [pegel.json(9), pegel.bytes_(9)])
def test_documents_have_no_dtype(field: pegel.Field) -> None:
    with pegel.Writer("ahoy", field) as writer:
        writer.publish_bytes(b"1")
        with pytest.raises(TypeError, match=r"ahoy.*documents"):
            writer.read().as_numpy()
        with pytest.raises(TypeError, match=r"ahoy.*documents"):
            writer.dtype  # noqa: B018


def test_without_numpy_all_else_works() -> None:
    program = """
import sys
sys.modules["numpy"] = None
import pegel
with pegel.Writer("station", level=pegel.f64()) as writer:
    writer.publish(level=1)
    assert writer.read() == {"level": 1.0}
    try:
        writer.read().as_numpy()
    except ImportError as error:
        print(error)
"""
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "board station" in printed
    assert "numpy" in printed
