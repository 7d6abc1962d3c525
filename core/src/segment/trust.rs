//! Which files are trusted: they are opened without following links, and checked after opening, so
//! that nothing can change between check and use.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
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
    /// To read it without trusting that it keeps its length.
    ReadUnmapped,
    /// Likewise, and without checking who owns it.
    ReadUntrusted,
    Write,
    /// To lock or remove it, without trusting its contents.
    LockOrRemove,
}

impl Access {
    /// Whether the file is trusted to keep its length, so that it may be read through a mapping.
    pub fn is_trusting(self) -> bool {
        !matches!(self, Self::ReadUnmapped | Self::ReadUntrusted)
    }
}

/// Opens a board's file and refuses one that another user may have put there, as [`check`] says.
/// Symbolic links are never followed.
pub fn open_trusted(path: &Path, access: Access) -> Result<(File, FileStat)> {
    let mode = match access {
        Access::Read | Access::ReadUnmapped | Access::ReadUntrusted => OFlag::O_RDONLY,
        Access::Write | Access::LockOrRemove => OFlag::O_RDWR,
    };
    // O_NONBLOCK: the open of a FIFO would wait for its other end.
    let flags = mode | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let failed = |errno| match errno {
        // From opening a directory for writing, a socket, or a FIFO without a reader.
        Errno::EISDIR | Errno::ENXIO => untrusted(path, "it is not a regular file", "Remove it."),
        _ => Error::system(errno, "open", path),
    };
    let file: OwnedFd = open(path, flags, Mode::empty()).map_err(failed)?;
    let status = fstat(&file).map_err(|errno| Error::system(errno, "stat", path))?;
    check(path, &status, access)?;
    Ok((file.into(), status))
}

/// Refuses what is not a regular file and, unless it is read untrusted, a file
///
/// - with more than one name, or that is world-writable,
/// - in a directory of another user: neither root's nor this user's nor of one of its groups,
/// - of another user, unless its group is one of this process's or the directory's owner let that
///   user create it: the same user owns both, or the directory is writable for the group of the
///   file. In a world-writable directory anyone may have created it.
///
/// Root may read and remove such files, and does not write them. A user that this user namespace
/// does not map is always another one.
pub fn check(path: &Path, status: &FileStat, access: Access) -> Result<()> {
    if !is_regular(status) {
        return Err(untrusted(path, "it is not a regular file", "Remove it."));
    }
    if access == Access::ReadUntrusted {
        return Ok(());
    }
    if status.st_nlink > 1 {
        let remedy = "Remove the others.";
        return Err(untrusted(path, "it has more than one hard link", remedy));
    }
    if status.st_mode & Mode::S_IWOTH.bits() != 0 {
        return Err(untrusted(path, "it is world-writable", "Run `chmod o-w`."));
    }
    match check_owner(path, status) {
        Err(error) if error.kind() == ErrorKind::Untrusted => {
            let is_root_access = access != Access::Write && geteuid().is_root();
            if is_root_access && !is_unmapped(status) {
                Ok(())
            } else {
                Err(error)
            }
        }
        checked => checked,
    }
}

fn check_owner(path: &Path, status: &FileStat) -> Result<()> {
    let directory = status_of_directory(path)?;
    check_directory(path, &directory)?;
    if is_own_or_roots(status) || is_own_group(status.st_gid) {
        return Ok(());
    }
    if is_world_writable(&directory) {
        let reason = "its directory is world-writable, and it belongs to";
        return Err(of_other(path, reason, status, SHARE));
    }
    let is_group_writable = directory.st_mode & Mode::S_IWGRP.bits() != 0;
    let is_let_in = status.st_uid == directory.st_uid && !is_unmapped(status)
        || is_group_writable
            && status.st_gid == directory.st_gid
            && !is_unmapped_group(status.st_gid);
    if is_let_in {
        return Ok(());
    }
    let reason = "its directory's owner did not create it, it belongs to";
    let remedy = "Remove it, or give it to the directory's owner or group.";
    Err(of_other(path, reason, status, remedy))
}

const SHARE: &str =
    "Share a group with its owner, or keep the board in a directory that only you share.";

/// Refuses to create a file in a directory of another user, because that user can exchange it.
pub fn check_creatable(path: &Path) -> Result<()> {
    // If the directory cannot be checked, creating the file reports why.
    status_of_directory(path).map_or(Ok(()), |directory| check_directory(path, &directory))
}

/// The owner of a directory decides what its names stand for. In a sticky one that is only so for
/// the names of the owner's own files, so where an owner cannot be known, as that of /dev/shm in a
/// container, the owner of the file decides.
fn check_directory(path: &Path, directory: &FileStat) -> Result<()> {
    let is_sticky = directory.st_mode & Mode::S_ISVTX.bits() != 0;
    let is_common = is_world_writable(directory) && is_sticky && is_unmapped(directory);
    if is_own_or_roots(directory) || is_own_group(directory.st_gid) || is_common {
        return Ok(());
    }
    Err(of_other(path, "its directory belongs to", directory, SHARE))
}

fn is_own_or_roots(status: &FileStat) -> bool {
    let user = status.st_uid;
    (user == 0 || user == geteuid().as_raw()) && !is_unmapped(status)
}

fn is_own_group(group: u32) -> bool {
    let is_own = || {
        let others = getgroups().unwrap_or_default();
        getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
    };
    is_own() && !is_unmapped_group(group)
}

fn is_unmapped_group(group: u32) -> bool {
    is_overflow(group, "/proc/self/gid_map")
}

fn is_unmapped(status: &FileStat) -> bool {
    is_overflow(status.st_uid, "/proc/self/uid_map")
}

/// What the kernel shows for each user and each group that a user namespace does not map, of files
/// and of this process alike (`man 7 user_namespaces`).
const OVERFLOW: u32 = 65534;

/// Whether a number may stand for any user that is not mapped. Where all are, it is an ordinary
/// one.
fn is_overflow(id: u32, map: &str) -> bool {
    let is_whole = |map: String| map.split_whitespace().eq(["0", "0", "4294967295"]);
    id == OVERFLOW && !fs::read_to_string(map).is_ok_and(is_whole)
}

fn is_world_writable(status: &FileStat) -> bool {
    status.st_mode & Mode::S_IWOTH.bits() != 0
}

fn status_of_directory(path: &Path) -> Result<FileStat> {
    // Not `Path::parent`, which takes half as long as the call.
    let bytes = path.as_os_str().as_bytes();
    let directory = match bytes.iter().rposition(|&byte| byte == b'/') {
        Some(0) => Path::new("/"),
        Some(end) => Path::new(OsStr::from_bytes(&bytes[..end])),
        None => Path::new("."),
    };
    stat(directory).map_err(|errno| Error::system(errno, "stat", directory))
}

/// The error for a file or a directory of another user.
fn of_other(path: &Path, reason: &str, status: &FileStat, remedy: &str) -> Error {
    if is_unmapped(status) {
        let reason =
            format!("{reason} a user that this user namespace does not map (got uid {OVERFLOW})");
        let remedy =
            "Map the owner into the container, create the board inside it, or read it untrusted.";
        return untrusted(path, &reason, remedy);
    }
    let owner = status.st_uid;
    untrusted(
        path,
        &format!("{reason} another user (got uid {owner})"),
        remedy,
    )
}

fn untrusted(path: &Path, reason: &str, remedy: &str) -> Error {
    let message = format!("{} is not trusted: {reason}. {remedy}", path.display());
    Error::new(ErrorKind::Untrusted, message)
}

/// Whether a status is of a regular file, which a board and its lock are.
pub fn is_regular(status: &FileStat) -> bool {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

/// Whether two statuses are of one file.
pub fn is_same(one: &FileStat, other: &FileStat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// How often to open a file again that was replaced before it was checked.
#[derive(Debug, Default)]
pub struct Tries(u32);

impl Tries {
    /// More than are needed for a file that is replaced again and again.
    const MOST: u32 = 100;

    /// Counts a failed try, with the file that it opened, if any. An error after too many.
    pub fn again(&mut self, path: &Path, opened: Option<&FileStat>) -> Result<()> {
        self.0 += 1;
        if self.0 < Self::MOST {
            return Ok(());
        }
        if let Some(opened) = opened {
            return Err(misnumbered(path, opened));
        }
        let (tries, path) = (self.0, path.display());
        let message = format!(
            "{path}: other processes keep removing it (got {tries} tries). Try \
             again."
        );
        Err(Error::new(ErrorKind::System, message))
    }
}

/// The error for a file whose path never names it, as on some file systems of containers and
/// virtual machines.
pub fn misnumbered(path: &Path, opened: &FileStat) -> Error {
    let by_name = lstat(path).map_or(0, |found| found.st_ino);
    let (open, path) = (opened.st_ino, path.display());
    let message = format!(
        "{path}: its inode number is one when it is open and another by its name \
         (got {open} and {by_name}), so that a replacement goes unnoticed. \
         Keep it on a file system with stable inode numbers, such as a tmpfs."
    );
    Error::new(ErrorKind::System, message)
}

/// Whether a path still names this very file. If the path cannot be read, as after a change of
/// user, the file counts as the same.
pub fn names(path: &Path, status: &FileStat) -> bool {
    match lstat(path) {
        Ok(found) => is_same(&found, status),
        Err(errno) => !matches!(errno, Errno::ENOENT | Errno::ENOTDIR),
    }
}
