//! What can go wrong, by number, name and message.

use std::path::Path;

use nix::errno::Errno;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure; the numbers are the C ABI's and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorKind {
    /// An argument that no board can accept.
    InvalidArgument = 10,
    /// Fields that are not a valid schema, or not the board's.
    InvalidFields = 11,
    /// The record does not fit the board, or the buffer.
    TooLarge = 12,
    /// No such board, or no such field.
    NotFound = 20,
    /// Another writer holds the board.
    Locked = 21,
    /// Nothing has been published yet.
    Empty = 22,
    /// The sequence is not in the ring, or no longer.
    Overwritten = 23,
    /// Nothing was published in time.
    Timeout = 24,
    /// The writer lapped every attempt to read.
    Busy = 25,
    /// The board was replaced or unlinked; open it again.
    Gone = 26,
    /// Another writer published after the expected sequence.
    Conflict = 27,
    /// The ring is full of publications that are not acknowledged yet.
    Full = 28,
    /// The file is not a board, or damaged.
    Corrupt = 30,
    /// A board of another layout version or byte order.
    Unsupported = 31,
    /// A file that another user could have put there or can change.
    Untrusted = 32,
    /// The system denies access.
    Denied = 40,
    /// The system failed otherwise.
    System = 41,
    /// The file system is full.
    NoSpace = 42,
}

impl ErrorKind {
    /// Every kind, by number.
    pub const ALL: [Self; 18] = [
        Self::InvalidArgument,
        Self::InvalidFields,
        Self::TooLarge,
        Self::NotFound,
        Self::Locked,
        Self::Empty,
        Self::Overwritten,
        Self::Timeout,
        Self::Busy,
        Self::Gone,
        Self::Conflict,
        Self::Full,
        Self::Corrupt,
        Self::Unsupported,
        Self::Untrusted,
        Self::Denied,
        Self::System,
        Self::NoSpace,
    ];

    /// The number, the same in every language.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The name in the C header, without its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidFields => "INVALID_FIELDS",
            Self::TooLarge => "TOO_LARGE",
            Self::NotFound => "NOT_FOUND",
            Self::Locked => "LOCKED",
            Self::Empty => "EMPTY",
            Self::Overwritten => "OVERWRITTEN",
            Self::Timeout => "TIMEOUT",
            Self::Busy => "BUSY",
            Self::Gone => "GONE",
            Self::Conflict => "CONFLICT",
            Self::Full => "FULL",
            Self::Corrupt => "CORRUPT",
            Self::Unsupported => "UNSUPPORTED",
            Self::Untrusted => "UNTRUSTED",
            Self::Denied => "DENIED",
            Self::System => "SYSTEM",
            Self::NoSpace => "NO_SPACE",
        }
    }
}

/// A failure: its kind for code, its message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of this kind. The message names what it is about and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The kind, for code that handles it.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// An error of the standard library on a path.
    pub(crate) fn io(error: &std::io::Error, verb: &str, path: &Path) -> Self {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Self::system(errno, verb, path)
    }

    /// A system call that failed on a path.
    pub(crate) fn system(errno: Errno, verb: &str, path: &Path) -> Self {
        let (kind, advice) = match errno {
            Errno::ENOENT => (
                ErrorKind::NotFound,
                ". Create the directory, or mount it in this process's chroot or container.",
            ),
            Errno::EACCES | Errno::EPERM => (
                ErrorKind::Denied,
                ". Check owner, group and mode with `ls -l`, and SELinux and AppArmor with \
                 `journalctl -k`.",
            ),
            Errno::EROFS => (ErrorKind::Denied, ""),
            Errno::ENOSPC | Errno::EDQUOT => (
                ErrorKind::NoSpace,
                ". Free space, or keep the board in another directory.",
            ),
            Errno::EFBIG => (
                ErrorKind::NoSpace,
                ". Raise this process's limit of file sizes (`ulimit -f`).",
            ),
            Errno::EMFILE => (
                ErrorKind::System,
                ". Close files, or raise this process's limit of open files (`ulimit -n`).",
            ),
            Errno::ELOOP => (
                ErrorKind::Untrusted,
                ". It is a symbolic link, and these are never followed.",
            ),
            _ => (ErrorKind::System, ""),
        };
        let path = path.display();
        let reason = errno.desc();
        Self::new(kind, format!("cannot {verb} {path}: {reason}{advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            for other in &ErrorKind::ALL[..index] {
                assert!(other.code() < kind.code());
                assert_ne!(other.name(), kind.name());
            }
        }
    }
}
