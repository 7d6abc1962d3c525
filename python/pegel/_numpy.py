"""Records as NumPy sees them. Nothing else here needs NumPy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._pegel import Field

if TYPE_CHECKING:
    import numpy

FORMATS = {
    "bool": "?",
    "i8": "i1",
    "u8": "u1",
    "i16": "i2",
    "u16": "u2",
    "i32": "i4",
    "u32": "u4",
    "i64": "i8",
    "u64": "u8",
    "f32": "f4",
    "f64": "f8",
}


def dtype(board: str, fields: Mapping[str, Field], size: int) -> "numpy.dtype[numpy.void]":
    """The dtype of records with these fields."""
    try:
        import numpy
    except ImportError as error:
        message = f"board {board}: its records as arrays need numpy; install it"
        raise ImportError(message) from error
    return numpy.dtype(
        {
            "names": list(fields),
            "formats": [_format(board, field) for field in fields.values()],
            "offsets": [field.offset for field in fields.values()],
            "itemsize": size,
        }
    )


def _format(board: str, field: Field) -> Any:
    if field.type in ("json", "bytes"):
        raise TypeError(f"board {board} holds documents, which have no dtype; use .document")
    element = FORMATS.get(field.type, f"S{field.size}")
    return element if field.count == 1 else (element, (field.count,))


def scalar(dtype: "numpy.dtype[numpy.void]", record: bytes) -> "numpy.void":
    """The scalar that looks at a record's bytes."""
    import numpy

    value: numpy.void = numpy.frombuffer(record, dtype)[0]
    return value
