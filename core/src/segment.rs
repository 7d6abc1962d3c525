//! Files and memory: making a segment, mapping it, waiting on a word of it. What the words mean is none of
//! its business.

#![allow(unsafe_code)]

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, posix_fallocate, renameat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, lstat, stat};
use nix::sys::time::TimeSpec;
use nix::unistd::{AccessFlags, Gid, Uid, faccessat, fchown, geteuid, linkat, unlink};

use crate::copy::{Payload, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{CONTROL_SIZE, Layout, WORD};
use crate::ring::{Memory, Slot};
use crate::sync::AtomicU64;
use crate::trust::{self, Access};

/// A segment: its file, and the mapping of that as soon as it is wanted.
#[derive(Debug)]
pub struct Segment {
    file: File,
    size: usize,
    mapping: OnceLock<Mapping>,
}

/// The memory of a segment, mapped for as long as a clone of this lives. Where its words stand is worked out
/// once.
#[derive(Clone, Debug)]
pub struct Mapping {
    map: Arc<MmapRaw>,
    slots: *const AtomicU64,
    slot_size: usize,
    last_slot: u64,
    plan: Plan,
}

// SAFETY: the pointer is into the mapping, which any thread may use: its words are atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Segment {
    /// The segment in a file, which must be as long as its layout says.
    pub fn new(file: File, layout: &Layout) -> Self {
        Self {
            file,
            size: layout.segment_size,
            mapping: OnceLock::new(),
        }
    }

    /// Maps the file, if it is not: for reading without the right to write.
    pub fn map(&self, layout: &Layout, access: Access, path: &Path) -> Result<&Mapping> {
        if let Some(mapping) = self.mapping.get() {
            return Ok(mapping);
        }
        let mut options = MmapOptions::new();
        options.len(self.size);
        let map = match access {
            Access::Write | Access::Tidy => options.map_raw(&self.file),
            _ => options.map_raw_read_only(&self.file),
        };
        let map = map.map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
            Error::system(errno, "map", path)
        })?;
        // Another thread's is as good.
        Ok(self.mapping.get_or_init(|| Mapping::new(map, layout)))
    }

    /// The mapping, if there is one.
    #[inline]
    pub fn mapping(&self) -> Option<&Mapping> {
        self.mapping.get()
    }

    /// The file behind the mapping.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Sees to it that no store can fail for want of memory, as in a file that was copied sparsely.
    pub fn reserve(&self, path: &Path) -> Result<()> {
        reserve(&self.file, self.size)
            .map_err(|errno| Error::system(errno, "find memory for", path))
    }

    /// The file's status now.
    pub fn status(&self, path: &Path) -> Result<FileStat> {
        fstat(&self.file).map_err(|errno| Error::system(errno, "stat", path))
    }
}

impl Mapping {
    fn new(map: MmapRaw, layout: &Layout) -> Self {
        let start = map.as_mut_ptr().cast_const();
        Self {
            slots: start.wrapping_add(layout.slots_offset).cast(),
            slot_size: layout.slot_size,
            last_slot: u64::from(layout.slot_count - 1),
            plan: Plan::new(layout.record_size),
            map: Arc::new(map),
        }
    }

    /// The word at an offset, a multiple of a word's bytes and inside the segment. Storing to one that was
    /// mapped for reading is a fault.
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(WORD) && offset < self.map.len());
        let word = self
            .map
            .as_mut_ptr()
            .wrapping_add(offset)
            .cast::<AtomicU64>();
        // SAFETY: it is aligned, as the mapping starts on a page, and mapped for as long as `self` lives;
        // every bit pattern is a word; this process and all others reach the words by atomics only,
        // and those that map for reading only load. (A file that is truncated while mapped gives
        // SIGBUS, not undefined behaviour.)
        unsafe { &*word }
    }

    /// Sleeps until the head is woken or the time is over; not at all if its low half is no longer
    /// `seen`. A signal may end the sleep too.
    pub fn sleep(&self, seen: u32, time: Duration) {
        let time = TimeSpec::from_duration(time);
        // SAFETY: FUTEX_WAIT only reads the four bytes, which are mapped, and the time.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.low_half(),
                libc::FUTEX_WAIT,
                seen,
                std::ptr::from_ref(time.as_ref()),
            );
        }
    }

    /// Wakes all who sleep on the head.
    pub fn wake(&self) {
        // SAFETY: FUTEX_WAKE takes the address as a name and touches nothing.
        unsafe {
            libc::syscall(libc::SYS_futex, self.low_half(), libc::FUTEX_WAKE, i32::MAX);
        }
    }

    /// The half that changes with every publication; not `FUTEX_PRIVATE`: other processes wake it.
    fn low_half(&self) -> *const u32 {
        let half = usize::from(cfg!(target_endian = "big"));
        self.head().as_ptr().cast::<u32>().wrapping_add(half)
    }
}

impl Memory for Mapping {
    #[inline]
    fn head(&self) -> &AtomicU64 {
        // SAFETY: the control block is in the mapping, before the slots, and else as in `word`.
        unsafe { &*self.slots.byte_sub(CONTROL_SIZE) }
    }

    #[inline]
    fn last_slot(&self) -> u64 {
        self.last_slot
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // less than the number of slots
    fn slot(&self, sequence: u64) -> Slot<'_> {
        let index = (sequence & self.last_slot) as usize;
        // SAFETY: there are `last_slot` + 1 slots of `slot_size` in the mapping, each with the payload's words
        // and behind them the stamp's: so the layout was made, by which the file was measured. And else
        // as in `word`.
        unsafe {
            let start = self.slots.byte_add(index * self.slot_size);
            Slot {
                payload: Payload::new(start, &self.plan),
                stamp: &*start.add(self.plan.words()).cast(),
            }
        }
    }
}

/// A file that has no name yet: it is finished first, or vanishes with its maker.
#[derive(Debug)]
pub struct Draft {
    file: File,
}

impl Draft {
    /// A file of zeros of this size, with memory behind every byte, in the directory.
    pub fn new(directory: &Path, mode: u32, size: usize) -> Result<Self> {
        let failed = |errno| Error::system(errno, "create a board in", directory);
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let file: OwnedFd = open(directory, flags, Mode::S_IRUSR).map_err(failed)?;
        check_limit(size as u64).map_err(failed)?;
        reserve(&file, size).map_err(failed)?;
        // Not by open: its mode is subject to the umask, which is not ours to change.
        fchmod(&file, Mode::from_bits_truncate(mode)).map_err(failed)?;
        Ok(Self { file: file.into() })
    }

    /// Fills in bytes.
    pub fn write(&self, offset: usize, bytes: &[u8], path: &Path) -> Result<()> {
        self.file
            .write_all_at(bytes, offset as u64)
            .map_err(|error| Error::io(&error, "write", path))
    }

    /// Returns when all of it is on the disk, if it is on one.
    pub fn sync(&self, path: &Path) -> Result<()> {
        let synced = self.file.sync_all();
        synced.map_err(|error| Error::io(&error, "write to the disk", path))
    }

    /// The file's status now.
    pub fn status(&self, path: &Path) -> Result<FileStat> {
        fstat(&self.file).map_err(|errno| Error::system(errno, "stat", path))
    }

    /// Gives the file to the owner of another one.
    pub fn give_to(&self, other: &FileStat) {
        give(&self.file, other);
    }

    /// Gives the file its name; `false` when there already is such a file.
    pub fn link(&self, path: &Path) -> Result<bool> {
        // The way of man 2 open, O_TMPFILE, that needs no privilege.
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
            // The file is there, so it is the way to it that is not.
            Err(Errno::ENOENT) => {
                let path = path.display();
                let message = format!("cannot create {path} without /proc, which must be mounted");
                Err(Error::new(ErrorKind::System, message))
            }
            Err(errno) => Err(Error::system(errno, "create", path)),
        }
    }

    /// Gives the file the name of another one. Only for the holder of the lock.
    pub fn replace(self, path: &Path) -> Result<()> {
        remove_left(path);
        // man 2 linkat replaces nothing, so the file has a name of its own for a moment.
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

/// Gives a file the owner and group of another one, as far as this process may: those who could use that one shall use
/// this one.
pub fn give(file: &File, other: &FileStat) {
    let (owner, group) = (Uid::from_raw(other.st_uid), Gid::from_raw(other.st_gid));
    if fchown(file, Some(owner), Some(group)).is_err() {
        // Only root gives files away; their owner gives them to his groups.
        let _kept = fchown(file, None, Some(group));
    }
}

/// `DENIED` if this process may not remove a file, or replace it, as far as one can tell before.
pub fn check_removable(path: &Path) -> Result<()> {
    let failed = |errno| Error::system(errno, "remove", path);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let access = AccessFlags::W_OK | AccessFlags::X_OK;
    faccessat(AT_FDCWD, directory, access, AtFlags::AT_EACCESS).map_err(failed)?;
    let owner = stat(directory).map_err(failed)?;
    let (me, is_sticky) = (geteuid(), owner.st_mode & Mode::S_ISVTX.bits() != 0);
    let is_owner = |status: &FileStat| status.st_uid == me.as_raw();
    // man 7 inode: of the sticky bit.
    let is_refused = is_sticky && !me.is_root() && !is_owner(&owner);
    match lstat(path) {
        Ok(file) if is_refused && !is_owner(&file) => Err(failed(Errno::EPERM)),
        _ => Ok(()),
    }
}

/// A file that has given up its name, and may get it back.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    hidden: PathBuf,
}

impl Aside {
    /// Takes the name from a file; `None` when there is no such file. Who may do this may remove it, and the other
    /// way around (man 2 rename, man 2 unlink).
    pub fn set(path: &Path) -> Result<Option<Self>> {
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

    /// Gives it back.
    pub fn put_back(&self) -> Result<()> {
        rename(&self.hidden, &self.path)
            .map_err(|errno| Error::system(errno, "put back", &self.path))
    }

    /// Removes the file.
    pub fn remove(&self) -> Result<()> {
        remove(&self.hidden).map(drop)
    }
}

fn rename(from: &Path, to: &Path) -> nix::Result<()> {
    renameat(AT_FDCWD, from, AT_FDCWD, to)
}

/// A name beside a file that nobody can take before: each is drawn by lot.
fn hidden(path: &Path) -> PathBuf {
    // The one way to random bits in the standard library.
    let drawn = RandomState::new().hash_one(path);
    path.with_file_name(format!("{}-{drawn:016x}", hidden_start(path)))
}

fn hidden_start(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.next")
}

/// Removes what was left by those who died while they replaced or removed a file. Only for the holder of the lock: of all
/// others, none is at it. What is a stranger's stays, and is in nobody's way.
pub fn remove_left(path: &Path) {
    let start = hidden_start(path);
    let entries = path.parent().map(fs::read_dir);
    for entry in entries.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&start));
        if rest.is_some_and(is_drawn) {
            let left = entry.path();
            let is_ours =
                lstat(&left).is_ok_and(|status| trust::check(&left, &status, Access::Tidy).is_ok());
            if is_ours {
                let _left = unlink(&left);
            }
        }
    }
}

/// Whether a hidden name ends so; versions before drew none.
fn is_drawn(end: &str) -> bool {
    let is_number =
        |drawn: &str| drawn.len() == 16 && drawn.bytes().all(|digit| digit.is_ascii_hexdigit());
    end.is_empty() || end.strip_prefix('-').is_some_and(is_number)
}

/// `EFBIG` if this process may not write so far into a file. The kernel's own answer to that would be a signal that ends
/// the process (man 2 getrlimit).
pub fn check_limit(size: u64) -> nix::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if size <= limit {
        Ok(())
    } else {
        Err(Errno::EFBIG)
    }
}

/// Puts memory behind every byte: without, a full file system would show as SIGBUS at a store.
fn reserve(file: impl AsFd, size: usize) -> nix::Result<()> {
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

/// Removes a name; `false` when there is none.
pub fn remove(path: &Path) -> Result<bool> {
    match unlink(path) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(Error::system(errno, "remove", path)),
    }
}
