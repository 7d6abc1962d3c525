//! Files and memory: making a segment, mapping it, waiting on a word of it, the writer lock. What
//! the words mean is none of its business.

#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl, open, posix_fallocate, renameat};
use nix::sys::resource::{Resource, getrlimit, rlim_t};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, linkat, unlink};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::WORD;
use crate::sync::AtomicU64;
use crate::trust::Access;

/// A mapped segment.
#[derive(Debug)]
pub struct Segment {
    file: File,
    map: MmapRaw,
}

impl Segment {
    /// Maps `length` bytes, which the file must have: for reading without the right to write.
    pub fn map(file: File, length: usize, access: Access, path: &Path) -> Result<Self> {
        let mut options = MmapOptions::new();
        options.len(length);
        let map = match access {
            Access::Write | Access::Tidy => options.map_raw(&file),
            _ => options.map_raw_read_only(&file),
        };
        let map = map.map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
            Error::system(errno, "map", path)
        })?;
        Ok(Self { file, map })
    }

    /// The whole segment as words. Storing to one that was mapped for reading is a fault.
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    pub fn words(&self) -> &[AtomicU64] {
        let (start, count) = (
            self.map.as_mut_ptr().cast::<AtomicU64>(),
            self.map.len() / WORD,
        );
        // SAFETY: the mapping starts on a page and has `count` words for as long as `self` lives;
        // every bit pattern is a word; this process and all others reach the words by atomics only,
        // and those that map for reading only load. (A file that is truncated while mapped gives
        // SIGBUS, not undefined behaviour.)
        unsafe { std::slice::from_raw_parts(start, count) }
    }

    /// The file behind the mapping.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Sees to it that no store can fail for want of memory, as in a file that was copied sparsely.
    pub fn reserve(&self, path: &Path) -> Result<()> {
        reserve(&self.file, self.map.len())
            .map_err(|errno| Error::system(errno, "find memory for", path))
    }

    /// The file's status now.
    pub fn status(&self, path: &Path) -> Result<FileStat> {
        fstat(&self.file).map_err(|errno| Error::system(errno, "stat", path))
    }

    /// Sleeps until a word is woken or the time is over; not at all if its low half is no longer
    /// `seen`. A signal may end the sleep too.
    pub fn sleep(&self, word: usize, seen: u32, time: Duration) {
        let time = TimeSpec::from_duration(time);
        // SAFETY: FUTEX_WAIT only reads the four bytes, which are mapped, and the time.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.low_half(word),
                libc::FUTEX_WAIT,
                seen,
                std::ptr::from_ref(time.as_ref()),
            );
        }
    }

    /// Wakes all who sleep on a word.
    pub fn wake(&self, word: usize) {
        // SAFETY: FUTEX_WAKE takes the address as a name and touches nothing.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.low_half(word),
                libc::FUTEX_WAKE,
                i32::MAX,
            );
        }
    }

    /// The half that changes with every publication; not `FUTEX_PRIVATE`: other processes wake it.
    fn low_half(&self, word: usize) -> *const u32 {
        let half = usize::from(cfg!(target_endian = "big"));
        self.words()[word].as_ptr().cast::<u32>().wrapping_add(half)
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
        // The kernel's own answer to that would be a signal that ends the process (man 2 getrlimit).
        let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(failed)?;
        if !rlim_t::try_from(size).is_ok_and(|size| size <= limit) {
            return Err(failed(Errno::EFBIG));
        }
        reserve(&file, size).map_err(failed)?;
        // Not by open: its mode is subject to the umask, which is not ours to change.
        fchmod(&file, Mode::from_bits_truncate(mode)).map_err(failed)?;
        Ok(Self { file: file.into() })
    }

    /// Fills in bytes.
    pub fn write(&self, offset: usize, bytes: &[u8], path: &Path) -> Result<()> {
        self.file
            .write_all_at(bytes, offset as u64)
            .map_err(|error| {
                let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                Error::system(errno, "write", path)
            })
    }

    /// Gives the file the owner and group of another one, as far as this process may: those who could
    /// use the one that it replaces shall go on.
    pub fn give_to(&self, other: &FileStat) {
        let (owner, group) = (Uid::from_raw(other.st_uid), Gid::from_raw(other.st_gid));
        if fchown(&self.file, Some(owner), Some(group)).is_err() {
            // Only root gives files away; their owner gives them to his groups.
            let _kept = fchown(&self.file, None, Some(group));
        }
    }

    /// Gives the file its name; `false` when there already is such a file.
    pub fn link(self, path: &Path) -> Result<bool> {
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

    /// Gives the file the name of another one, by way of `next`, which is this caller's alone.
    pub fn replace(self, path: &Path, next: &Path) -> Result<()> {
        // Left by one who died between the next two calls.
        match unlink(next) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(Error::system(errno, "remove", next)),
        }
        if !self.link(next)? {
            return Err(Error::system(Errno::EEXIST, "create", next));
        }
        renameat(AT_FDCWD, next, AT_FDCWD, path)
            .map_err(|errno| Error::system(errno, "replace", path))
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

/// What kind of lock on a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    Exclusive,
    Shared,
}

/// Takes a lock that belongs to the open file and ends with it, be it by death; `false` when
/// another one is in the way. (man 2 `fcntl_locking`: open file description locks.)
pub fn try_lock(file: &File, lock: Lock, path: &Path) -> Result<bool> {
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file(lock))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(Error::system(errno, "lock", path)),
    }
}

/// Whether somebody else holds any lock on the file. Works without the right to write.
pub fn is_locked(file: &File, path: &Path) -> Result<bool> {
    let mut found = whole_file(Lock::Exclusive);
    fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut found))
        .map_err(|errno| Error::system(errno, "look for locks on", path))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

#[allow(clippy::cast_possible_truncation)] // the constants are small
fn whole_file(lock: Lock) -> libc::flock {
    let kind = match lock {
        Lock::Exclusive => libc::F_WRLCK,
        Lock::Shared => libc::F_RDLCK,
    };
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// An open file whose lock is this process's alone. A forked child shares the open file, and would keep
/// the lock for as long as it lives; so what is open in a child under this number is another one.
#[derive(Debug)]
pub struct OwnFile {
    file: File,
    held: &'static Held,
}

impl OwnFile {
    /// Before it is locked, so that no child can ever have the lock.
    pub fn new(file: File) -> Self {
        static IS_READY: AtomicBool = AtomicBool::new(false);
        if !IS_READY.swap(true, Ordering::Relaxed) {
            // SAFETY: the handler only does what a signal handler may do. (man 3 pthread_atfork; fork
            // in a program of many threads, man 7 signal-safety.) It can only fail for want of memory,
            // and a child then keeps the lock.
            unsafe { libc::pthread_atfork(None, None, Some(let_go_in_child)) };
        }
        let held = Held::take(file.as_raw_fd());
        Self { file, held }
    }
}

impl std::ops::Deref for OwnFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // Not in a child, where its place may be that of a file which the child opened itself.
        let _ = self.held.descriptor.compare_exchange(
            self.file.as_raw_fd(),
            Held::FREE,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

/// Where a forked child finds what to let go. None is ever freed, but used again: so the child can walk
/// along them without a lock, which another thread of its parent may have held.
#[derive(Debug)]
struct Held {
    descriptor: AtomicI32,
    next: AtomicPtr<Held>,
}

static HELD: AtomicPtr<Held> = AtomicPtr::new(std::ptr::null_mut());

impl Held {
    const FREE: i32 = -1;

    fn take(descriptor: i32) -> &'static Self {
        let mut next = &HELD;
        while let Some(held) = Self::at(next) {
            let taken = held.descriptor.compare_exchange(
                Self::FREE,
                descriptor,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return held;
            }
            next = &held.next;
        }
        let held: &'static Self = Box::leak(Box::new(Self {
            descriptor: AtomicI32::new(descriptor),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }));
        let mut first = HELD.load(Ordering::Acquire);
        loop {
            held.next.store(first, Ordering::Relaxed);
            let new = std::ptr::from_ref(held).cast_mut();
            match HELD.compare_exchange(first, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return held,
                Err(other) => first = other,
            }
        }
    }

    fn at(pointer: &AtomicPtr<Self>) -> Option<&'static Self> {
        // SAFETY: it is null or one of the list, which live for ever and are whole before anybody
        // can find them.
        unsafe { pointer.load(Ordering::Acquire).as_ref() }
    }
}

extern "C" fn let_go_in_child() {
    let mut next = &HELD;
    while let Some(held) = Held::at(next) {
        let descriptor = held.descriptor.swap(Held::FREE, Ordering::Relaxed);
        if descriptor != Held::FREE {
            // SAFETY: these are system calls; the descriptor is that of an open file of this process,
            // which has one thread yet. Its number stays in use, as the handle that the child also got
            // will close it: an eventfd holds nothing that anybody could miss.
            unsafe {
                libc::close(descriptor);
                let other = libc::eventfd(0, libc::EFD_CLOEXEC);
                if other >= 0 && other != descriptor {
                    libc::dup3(other, descriptor, libc::O_CLOEXEC);
                    libc::close(other);
                }
            }
        }
        next = &held.next;
    }
}

/// A page that the kernel empties in a forked child: how a writer notices that it is a copy.
#[derive(Debug)]
pub struct ForkMark {
    page: MmapRaw,
}

impl ForkMark {
    /// A mark of this process.
    pub fn new(path: &Path) -> Result<Self> {
        let failed = |errno| Error::system(errno, "guard against fork the writer of", path);
        let mut page = memmap2::MmapMut::map_anon(WORD)
            .map_err(|error| failed(error.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
        page[0] = 1;
        let page = MmapRaw::from(page);
        // SAFETY: the advice is for the one page that this mapping has, and changes nothing here.
        // (man 2 madvise, MADV_WIPEONFORK: Linux 4.14, private anonymous memory.)
        let result =
            unsafe { libc::madvise(page.as_mut_ptr().cast(), page.len(), libc::MADV_WIPEONFORK) };
        Errno::result(result).map_err(failed)?;
        Ok(Self { page })
    }

    /// Whether this is a child that got the writer by fork.
    pub fn is_child(&self) -> bool {
        // SAFETY: the page is mapped for as long as `self` lives; volatile, as only the kernel
        // changes it.
        unsafe { self.page.as_ptr().read_volatile() == 0 }
    }
}
