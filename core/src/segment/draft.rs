//! Creating the file of a segment without a name, and giving it one.

#![forbid(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, posix_fallocate};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown, linkat, unlink};

use crate::error::{Error, ErrorKind, Result};
use crate::segment::removal::{hidden, remove_left, rename};

/// A file without a name: it is finished before it gets one, or vanishes when its process exits.
#[derive(Debug)]
pub struct Draft {
    file: File,
}

impl Draft {
    /// A file of zeros in this directory, with memory allocated for every byte.
    pub fn new(directory: &Path, mode: u32, size: usize) -> Result<Self> {
        let failed = |errno| Error::system(errno, "create a board in", directory);
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let file: OwnedFd = open(directory, flags, Mode::S_IRUSR).map_err(failed)?;
        check_limit(size as u64).map_err(failed)?;
        reserve(&file, size).map_err(failed)?;
        // The mode of `open` is subject to the umask, which belongs to the program.
        fchmod(&file, Mode::from_bits_truncate(mode)).map_err(failed)?;
        Ok(Self { file: file.into() })
    }

    /// Writes bytes at an offset.
    pub fn write(&self, offset: usize, bytes: &[u8], path: &Path) -> Result<()> {
        self.file
            .write_all_at(bytes, offset as u64)
            .map_err(|error| Error::io(&error, "write", path))
    }

    /// Returns when the file is on disk.
    pub fn sync(&self, path: &Path) -> Result<()> {
        let synced = self.file.sync_all();
        synced.map_err(|error| Error::io(&error, "write to the disk", path))
    }

    /// The file's status now.
    pub fn status(&self, path: &Path) -> Result<FileStat> {
        fstat(&self.file).map_err(|errno| Error::system(errno, "stat", path))
    }

    /// Gives the file the owner and group of another one, as [`give`].
    pub fn give_to(&self, other: &FileStat) {
        give(&self.file, other);
    }

    /// Gives the file its name; `false` if another file has that name.
    pub fn link(&self, path: &Path) -> Result<bool> {
        // `man 2 open`, O_TMPFILE: this way needs no privilege.
        let unnamed = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match linkat(
            AT_FDCWD,
            unnamed.as_str(),
            AT_FDCWD,
            path,
            AtFlags::AT_SYMLINK_FOLLOW,
        ) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            // The file exists, so /proc is what does not.
            Err(Errno::ENOENT) => {
                let path = path.display();
                let message = format!("cannot create {path}: /proc is not mounted. Mount it.");
                Err(Error::new(ErrorKind::System, message))
            }
            Err(errno) => Err(Error::system(errno, "create", path)),
        }
    }

    /// Replaces another file. The caller must hold the lock.
    pub fn replace(self, path: &Path) -> Result<()> {
        remove_left(path);
        // `linkat` replaces nothing, so the file first gets another name.
        let hidden = hidden(path);
        if !self.link(&hidden)? {
            return Err(Error::system(Errno::EEXIST, "create", &hidden));
        }
        rename(&hidden, path).map_err(|errno| {
            let _left = unlink(&hidden);
            Error::system(errno, "replace", path)
        })
    }
}

/// Gives a file the owner and group of another one, as far as this process may, so that the same
/// users can use both.
pub fn give(file: &File, other: &FileStat) {
    let (owner, group) = (Uid::from_raw(other.st_uid), Gid::from_raw(other.st_gid));
    if fchown(file, Some(owner), Some(group)).is_err() {
        // Only root can change the owner; an owner can change the group to one of its own.
        let _kept = fchown(file, None, Some(group));
    }
}

/// `EFBIG` if a file of this size exceeds the process's limit. The kernel would send a signal that
/// ends the process (`man 2 getrlimit`).
pub fn check_limit(size: u64) -> nix::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    // A limit has 32 bits on some machines.
    if limit == RLIM_INFINITY || u128::from(size) <= u128::from(limit) {
        Ok(())
    } else {
        Err(Errno::EFBIG)
    }
}

/// Allocates memory for every byte: otherwise a store to a full file system would be a SIGBUS.
pub fn reserve(file: impl AsFd, size: usize) -> nix::Result<()> {
    if size == 0 {
        return Ok(());
    }
    let size = size.try_into().map_err(|_| Errno::EFBIG)?;
    loop {
        match posix_fallocate(&file, 0, size) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Returns when the directory of a file is on disk.
pub fn sync_directory(file: &Path) -> std::io::Result<()> {
    let directory = file.parent().filter(|parent| *parent != Path::new(""));
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
