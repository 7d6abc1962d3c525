//! Removing files, also in steps that can be undone.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, renameat};
use nix::sys::stat::{FileStat, Mode, lstat, stat};
use nix::unistd::{AccessFlags, faccessat, geteuid, unlink};

use crate::error::{Error, Result};
use crate::segment::random;
use crate::segment::trust::{self, Access};

/// `DENIED` if this process may not remove or replace a file, as far as can be known before.
pub fn check_removable(path: &Path) -> Result<()> {
    let failed = |errno| Error::system(errno, "remove", path);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let access = AccessFlags::W_OK | AccessFlags::X_OK;
    faccessat(AT_FDCWD, directory, access, AtFlags::AT_EACCESS).map_err(failed)?;
    let owner = stat(directory).map_err(failed)?;
    let (me, is_sticky) = (geteuid(), owner.st_mode & Mode::S_ISVTX.bits() != 0);
    let is_owner = |status: &FileStat| status.st_uid == me.as_raw();
    // `man 7 inode`, sticky bit.
    let is_refused = is_sticky && !me.is_root() && !is_owner(&owner);
    match lstat(path) {
        Ok(file) if is_refused && !is_owner(&file) => Err(failed(Errno::EPERM)),
        _ => Ok(()),
    }
}

/// A file under a hidden name, which can get its name back.
#[derive(Debug)]
pub struct HiddenFile {
    path: PathBuf,
    hidden: PathBuf,
}

impl HiddenFile {
    /// Renames a file to a hidden name; `None` if there is no such file. That needs the same
    /// permissions as to remove it (`man 2 rename`, `man 2 unlink`).
    pub fn hide(path: &Path) -> Result<Option<Self>> {
        let hidden = hidden(path);
        match rename(path, &hidden) {
            Ok(()) => Ok(Some(Self {
                path: path.to_owned(),
                hidden,
            })),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Error::system(errno, "remove", path)),
        }
    }

    /// Gives the file its name back.
    pub fn restore(&self) -> Result<()> {
        rename(&self.hidden, &self.path)
            .map_err(|errno| Error::system(errno, "put back", &self.path))
    }

    /// Removes the file.
    pub fn remove(&self) -> Result<()> {
        remove(&self.hidden).map(drop)
    }
}

pub fn rename(from: &Path, to: &Path) -> nix::Result<()> {
    renameat(AT_FDCWD, from, AT_FDCWD, to)
}

/// A name beside a file, which is random, so that no other user can take it before.
pub fn hidden(path: &Path) -> PathBuf {
    let (name, id) = (path.file_name().unwrap_or_default(), random());
    path.with_file_name(format!(".{}.next-{id:016x}", name.to_string_lossy()))
}

/// Removes what crashed processes left while they replaced or removed a file, except files of other
/// users. The caller must hold the lock, so that no process is using them.
pub fn remove_left(path: &Path) {
    let entries = path.parent().map(fs::read_dir);
    for entry in entries.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name();
        let replaced = name.to_str().and_then(unhidden);
        if replaced.is_some_and(|name| path.file_name() == Some(OsStr::new(name))) {
            remove_ours(&entry.path());
        }
    }
}

/// Removes a file, unless it belongs to another user.
pub fn remove_ours(file: &Path) {
    if lstat(file).is_ok_and(|status| trust::check(file, &status, Access::LockOrRemove).is_ok()) {
        let _left = unlink(file);
    }
}

/// The file name of which this is a hidden one.
pub fn unhidden(name: &str) -> Option<&str> {
    let (name, end) = name.strip_prefix('.')?.rsplit_once(".next")?;
    is_hidden_end(end).then_some(name)
}

/// Whether hidden names end like that; those of earlier versions had no number.
fn is_hidden_end(end: &str) -> bool {
    let is_number = |id: &str| id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    end.is_empty() || end.strip_prefix('-').is_some_and(is_number)
}

/// Removes a file; `false` if there is none.
pub fn remove(path: &Path) -> Result<bool> {
    match unlink(path) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(Error::system(errno, "remove", path)),
    }
}
