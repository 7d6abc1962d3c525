//! Which files are taken for a board's: opened without following links, and checked once open, so
//! that nothing can change between the look and the use.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat, stat};
use nix::unistd::{getegid, geteuid, getgroups};

use crate::error::{Error, ErrorKind, Result};

/// How a file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    /// To read it without believing that it keeps its length.
    ReadUnmapped,
    /// Likewise, whoever made it.
    ReadUntrusted,
    Write,
    /// To lock it, or to remove it: nothing in it is believed.
    Tidy,
}

impl Access {
    /// Whether the file is believed to keep its length, so that it may be read through a mapping.
    pub fn is_trusting(self) -> bool {
        !matches!(self, Self::ReadUnmapped | Self::ReadUntrusted)
    }
}

/// Opens a board's file and refuses one that somebody else may have put there.
///
/// Refused are symbolic links and anything but regular files; and, unless it is read untrusted,
/// files with further names, files that everybody may write, and, in directories that everybody may
/// write, files of strangers: those whose owner is neither this user nor root and whose group is
/// none of this process's. Root may look at those too and tidy them up, but does not write them.
pub fn open_trusted(path: &Path, access: Access) -> Result<(File, FileStat)> {
    let mode = match access {
        Access::Read | Access::ReadUnmapped | Access::ReadUntrusted => OFlag::O_RDONLY,
        Access::Write | Access::Tidy => OFlag::O_RDWR,
    };
    // O_NONBLOCK: the open of a FIFO would wait for its other end.
    let flags = mode | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let failed = |errno| match errno {
        // What opening a directory for writing, a socket or a FIFO that nobody reads says.
        Errno::EISDIR | Errno::ENXIO => untrusted(path, "it is no regular file", "remove it"),
        _ => Error::system(errno, "open", path),
    };
    let file: OwnedFd = open(path, flags, Mode::empty()).map_err(failed)?;
    let status = fstat(&file).map_err(|errno| Error::system(errno, "stat", path))?;
    check(path, &status, access)?;
    Ok((file.into(), status))
}

/// Refuses a file that was opened, for this access.
pub fn check(path: &Path, status: &FileStat, access: Access) -> Result<()> {
    if !is_regular(status) {
        return Err(untrusted(path, "it is no regular file", "remove it"));
    }
    if access == Access::ReadUntrusted {
        return Ok(());
    }
    if status.st_nlink > 1 {
        return Err(untrusted(
            path,
            "it has further names (hard links)",
            "remove them",
        ));
    }
    if status.st_mode & Mode::S_IWOTH.bits() != 0 {
        return Err(untrusted(path, "everybody may write it", "chmod o-w it"));
    }
    let is_mine_or_roots = || {
        let me = geteuid();
        status.st_uid == me.as_raw() || (me.is_root() && access != Access::Write)
    };
    if status.st_uid == 0 || is_mine_or_roots() || is_mine(status.st_gid) || !is_open_to_all(path)?
    {
        return Ok(());
    }
    let owner = status.st_uid;
    Err(untrusted(
        path,
        &format!("everybody may create files there, and it belongs to a stranger (user {owner})"),
        "share a group with its owner, or keep the board in a directory that only you share",
    ))
}

fn is_mine(group: u32) -> bool {
    let others = getgroups().unwrap_or_default();
    getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
}

fn is_open_to_all(path: &Path) -> Result<bool> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // Of a relative path in the working directory.
    let directory = if directory == Path::new("") {
        Path::new(".")
    } else {
        directory
    };
    let status = stat(directory).map_err(|errno| Error::system(errno, "stat", directory))?;
    Ok(status.st_mode & Mode::S_IWOTH.bits() != 0)
}

fn untrusted(path: &Path, reason: &str, remedy: &str) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Untrusted,
        format!("{path} is not trusted: {reason}; {remedy}"),
    )
}

/// Whether a status is of a regular file, which a board and its lock are.
pub fn is_regular(status: &FileStat) -> bool {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

/// Whether two statuses are of one file.
pub fn is_same(one: &FileStat, other: &FileStat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// How often one may open a file whose name then stands for another one, as it was replaced
/// meanwhile.
#[derive(Debug, Default)]
pub struct Tries(u32);

impl Tries {
    /// More than files that really are replaced ever need.
    const MOST: u32 = 100;

    /// Counts one that was in vain, for a file that was opened so if it was there. An error when
    /// there were too many.
    pub fn again(&mut self, path: &Path, opened: Option<&FileStat>) -> Result<()> {
        self.0 += 1;
        if self.0 < Self::MOST {
            return Ok(());
        }
        if let Some(opened) = opened {
            return Err(misnumbered(path, opened));
        }
        let (tries, path) = (self.0, path.display());
        let message = format!("{path}: somebody keeps removing it (got {tries} tries). Try again.");
        Err(Error::new(ErrorKind::System, message))
    }
}

/// Of a file that is never the one that its name stands for: so do some file systems of containers
/// and virtual machines.
pub fn misnumbered(path: &Path, opened: &FileStat) -> Error {
    let by_name = lstat(path).map_or(0, |found| found.st_ino);
    let (open, path) = (opened.st_ino, path.display());
    let message = format!(
        "{path}: its inode number is one when it is open and another by its name (got {open} and {by_name}), so that \
         nobody can tell whether it was replaced. Keep it on a file system with stable inode numbers, such as a tmpfs."
    );
    Error::new(ErrorKind::System, message)
}

/// Whether a path names this very file still. One that cannot be looked at, as after a change of
/// user, is not known to be another.
pub fn names(path: &Path, status: &FileStat) -> bool {
    match lstat(path) {
        Ok(found) => is_same(&found, status),
        Err(errno) => !matches!(errno, Errno::ENOENT | Errno::ENOTDIR),
    }
}
