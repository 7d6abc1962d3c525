//! The statuses of calls: the errors of the crate by the numbers of the header.

use std::ffi::CStr;

use pegel::ErrorKind;

/// The result of a call. The groups: 10 to 19 a mistake of the caller, 20 to 29 the state of the
/// board, 30 to 39 a file that is not usable, 40 to 49 the system, 50 libpegel itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum pegel_status {
    /// The call succeeded.
    PEGEL_OK = 0,
    /// An argument is not valid for any board, or not for this one.
    PEGEL_INVALID_ARGUMENT = 10,
    /// The fields are not a valid schema, or not the board's.
    PEGEL_INVALID_FIELDS = 11,
    /// The record does not fit into the board or the buffer. The message has both sizes.
    PEGEL_TOO_LARGE = 12,
    /// The board, its directory, a file or a field does not exist.
    PEGEL_NOT_FOUND = 20,
    /// Another writer holds the board, and did not release it in time.
    PEGEL_LOCKED = 21,
    /// Nothing has been published yet.
    PEGEL_EMPTY = 22,
    /// The ring does not hold that sequence, not yet or not any more.
    PEGEL_OVERWRITTEN = 23,
    /// Nothing was published before the timeout.
    PEGEL_TIMEOUT = 24,
    /// The writer overtook all 1000 attempts to read. Give the board more slots.
    PEGEL_BUSY = 25,
    /// The board was replaced or removed, or a writer's lock file was. Close, and open again.
    PEGEL_GONE = 26,
    /// The newest sequence is not the expected one: another writer published. Read again and retry.
    PEGEL_CONFLICT = 27,
    /// The ring is full of records that are not acknowledged yet.
    PEGEL_FULL = 28,
    /// The file is damaged, or not a board.
    PEGEL_CORRUPT = 30,
    /// The file has another layout version or byte order.
    PEGEL_UNSUPPORTED = 31,
    /// The file's owner, permissions, type or links make it untrusted.
    PEGEL_UNTRUSTED = 32,
    /// The system denies access.
    PEGEL_DENIED = 40,
    /// A system call failed in another way. The message has the file and the reason.
    PEGEL_SYSTEM = 41,
    /// The file system is full, or the file would exceed a limit of the process.
    PEGEL_NO_SPACE = 42,
    /// A fault in libpegel itself. Please report it.
    PEGEL_PANIC = 50,
}

impl From<ErrorKind> for pegel_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => Self::PEGEL_INVALID_ARGUMENT,
            ErrorKind::InvalidFields => Self::PEGEL_INVALID_FIELDS,
            ErrorKind::TooLarge => Self::PEGEL_TOO_LARGE,
            ErrorKind::NotFound => Self::PEGEL_NOT_FOUND,
            ErrorKind::Locked => Self::PEGEL_LOCKED,
            ErrorKind::Empty => Self::PEGEL_EMPTY,
            ErrorKind::Overwritten => Self::PEGEL_OVERWRITTEN,
            ErrorKind::Timeout => Self::PEGEL_TIMEOUT,
            ErrorKind::Busy => Self::PEGEL_BUSY,
            ErrorKind::Gone => Self::PEGEL_GONE,
            ErrorKind::Conflict => Self::PEGEL_CONFLICT,
            ErrorKind::Full => Self::PEGEL_FULL,
            ErrorKind::Corrupt => Self::PEGEL_CORRUPT,
            ErrorKind::Unsupported => Self::PEGEL_UNSUPPORTED,
            ErrorKind::Untrusted => Self::PEGEL_UNTRUSTED,
            ErrorKind::Denied => Self::PEGEL_DENIED,
            ErrorKind::System => Self::PEGEL_SYSTEM,
            ErrorKind::NoSpace => Self::PEGEL_NO_SPACE,
        }
    }
}

/// The name of a number without its prefix.
pub fn name(status: i32) -> &'static CStr {
    match status {
        0 => c"OK",
        10 => c"INVALID_ARGUMENT",
        11 => c"INVALID_FIELDS",
        12 => c"TOO_LARGE",
        20 => c"NOT_FOUND",
        21 => c"LOCKED",
        22 => c"EMPTY",
        23 => c"OVERWRITTEN",
        24 => c"TIMEOUT",
        25 => c"BUSY",
        26 => c"GONE",
        27 => c"CONFLICT",
        28 => c"FULL",
        30 => c"CORRUPT",
        31 => c"UNSUPPORTED",
        32 => c"UNTRUSTED",
        40 => c"DENIED",
        41 => c"SYSTEM",
        42 => c"NO_SPACE",
        50 => c"PANIC",
        _ => c"UNKNOWN",
    }
}
