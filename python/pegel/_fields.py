"""Fields by the names of their types."""

from collections.abc import Sequence
from typing import Any, Generic, Optional, TypeVar, Union

from ._pegel import Field

_Number = TypeVar("_Number", int, float)


class Number(Generic[_Number]):
    """A type of numbers: calling it makes a field.

    `unit` is what it counts, `count` makes it an array. An `optional` one may be unknown, which is
    None. `default` is the value until somebody publishes another; `min` and `max` are the limits of
    each element; `label` and `description` are for people.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(
        self,
        unit: str = "",
        *,
        count: int = 1,
        optional: bool = False,
        default: Union[_Number, Sequence[_Number], None] = None,
        min: Optional[_Number] = None,
        max: Optional[_Number] = None,
        label: str = "",
        description: str = "",
    ) -> Field:
        return Field(
            self._kind,
            unit,
            count=count,
            optional=optional,
            default=default,
            min=min,
            max=max,
            label=label,
            description=description,
        )

    def __repr__(self) -> str:
        return f"pegel.{self._kind}"


i8 = Number[int]("i8")
u8 = Number[int]("u8")
i16 = Number[int]("i16")
u16 = Number[int]("u16")
i32 = Number[int]("i32")
u32 = Number[int]("u32")
i64 = Number[int]("i64")
u64 = Number[int]("u64")
f32 = Number[float]("f32")
f64 = Number[float]("f64")


def bool_(
    unit: str = "",
    *,
    count: int = 1,
    optional: bool = False,
    default: Union[bool, Sequence[bool], None] = None,
    label: str = "",
    description: str = "",
) -> Field:
    """True or False."""
    return Field(
        "bool",
        unit,
        count=count,
        optional=optional,
        default=default,
        label=label,
        description=description,
    )


def text(
    size: int,
    unit: str = "",
    *,
    count: int = 1,
    optional: bool = False,
    default: Union[str, Sequence[str], None] = None,
    label: str = "",
    description: str = "",
) -> Field:
    """A text of at most `size` bytes of UTF-8."""
    return Field(
        "text",
        unit,
        size=size,
        count=count,
        optional=optional,
        default=default,
        label=label,
        description=description,
    )


def json(capacity: int, *, default: Any = None, label: str = "", description: str = "") -> Field:
    """A board of JSON documents, each at most `capacity` bytes of UTF-8."""
    return Field("json", size=capacity, default=default, label=label, description=description)


def bytes_(
    capacity: int, *, default: Optional[bytes] = None, label: str = "", description: str = ""
) -> Field:
    """A board of bytes, at most `capacity`."""
    return Field("bytes", size=capacity, default=default, label=label, description=description)
