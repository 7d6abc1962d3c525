"""Fields by the names of their types."""

from ._pegel import Field


def bool_(unit: str = "", *, count: int = 1) -> Field:
    """True or False."""
    return Field("bool", unit, count=count)


def i8(unit: str = "", *, count: int = 1) -> Field:
    """A signed integer of 8 bits."""
    return Field("i8", unit, count=count)


def u8(unit: str = "", *, count: int = 1) -> Field:
    """An unsigned integer of 8 bits."""
    return Field("u8", unit, count=count)


def i16(unit: str = "", *, count: int = 1) -> Field:
    """A signed integer of 16 bits."""
    return Field("i16", unit, count=count)


def u16(unit: str = "", *, count: int = 1) -> Field:
    """An unsigned integer of 16 bits."""
    return Field("u16", unit, count=count)


def i32(unit: str = "", *, count: int = 1) -> Field:
    """A signed integer of 32 bits."""
    return Field("i32", unit, count=count)


def u32(unit: str = "", *, count: int = 1) -> Field:
    """An unsigned integer of 32 bits."""
    return Field("u32", unit, count=count)


def i64(unit: str = "", *, count: int = 1) -> Field:
    """A signed integer of 64 bits."""
    return Field("i64", unit, count=count)


def u64(unit: str = "", *, count: int = 1) -> Field:
    """An unsigned integer of 64 bits."""
    return Field("u64", unit, count=count)


def f32(unit: str = "", *, count: int = 1) -> Field:
    """A float of 32 bits."""
    return Field("f32", unit, count=count)


def f64(unit: str = "", *, count: int = 1) -> Field:
    """A float of 64 bits, Python's own."""
    return Field("f64", unit, count=count)


def text(size: int, unit: str = "", *, count: int = 1) -> Field:
    """A text of at most `size` bytes of UTF-8."""
    return Field("text", unit, size=size, count=count)


def json(capacity: int) -> Field:
    """A board of JSON documents, each at most `capacity` bytes of UTF-8."""
    return Field("json", size=capacity)


def bytes_(capacity: int) -> Field:
    """A board of bytes, at most `capacity`."""
    return Field("bytes", size=capacity)
