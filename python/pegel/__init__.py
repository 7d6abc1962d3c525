"""The latest value of something, in POSIX shared memory."""

from collections.abc import Mapping
from typing import ClassVar

from ._fields import (
    bool_,
    bytes_,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    json,
    text,
    u8,
    u16,
    u32,
    u64,
)
from ._pegel import (
    Field,
    Follow,
    Info,
    Reader,
    Snapshot,
    Stamp,
    Writer,
    __version__,
    boards,
    directory,
    unlink,
)
from ._record import Record

Mapping.register(Snapshot)  # pyright: ignore[reportAttributeAccessIssue]


class Error(Exception):
    """What can go wrong with a board; `code` is the number in every language."""

    code: ClassVar[int]


class InvalidArgument(Error, ValueError):
    """An argument that no board could accept."""

    code = 10


class InvalidFields(Error, ValueError):
    """Fields that are not a valid schema or not the board's, or values that do not fit them."""

    code = 11


class TooLarge(Error, ValueError):
    """The record does not fit the board; the message has both sizes."""

    code = 12


class NotFound(Error, FileNotFoundError):
    """The board does not exist."""

    code = 20


class Locked(Error):
    """Another writer holds the board."""

    code = 21


class Empty(Error):
    """Nothing has been published yet."""

    code = 22


class Overwritten(Error):
    """That sequence is not, or no longer, in the ring."""

    code = 23


class Timeout(Error, TimeoutError):
    """Nothing was published in time."""

    code = 24


class Busy(Error):
    """The writer lapped every attempt to read."""

    code = 25


class Gone(Error):
    """The board was replaced or removed; open it again."""

    code = 26


class Conflict(Error):
    """Somebody published since the sequence that was named."""

    code = 27


class Full(Error):
    """The ring is full of publications that nobody acknowledged yet."""

    code = 28


class Corrupt(Error):
    """The file is damaged, or not a board."""

    code = 30


class Unsupported(Error):
    """A board of another layout version or byte order."""

    code = 31


class Untrusted(Error):
    """A file whose owner, type or links are not to be trusted."""

    code = 32


class Denied(Error, PermissionError):
    """The system denies access."""

    code = 40


class System(Error, OSError):
    """The system failed otherwise."""

    code = 41


class NoSpace(Error, OSError):
    """The file system is full."""

    code = 42


__all__ = [
    "Busy",
    "Conflict",
    "Corrupt",
    "Denied",
    "Empty",
    "Error",
    "Field",
    "Follow",
    "Full",
    "Gone",
    "Info",
    "InvalidArgument",
    "InvalidFields",
    "Locked",
    "NoSpace",
    "NotFound",
    "Overwritten",
    "Reader",
    "Record",
    "Snapshot",
    "Stamp",
    "System",
    "Timeout",
    "TooLarge",
    "Unsupported",
    "Untrusted",
    "Writer",
    "__version__",
    "boards",
    "bool_",
    "bytes_",
    "directory",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "json",
    "text",
    "u8",
    "u16",
    "u32",
    "u64",
    "unlink",
]
