//! Locks on whole files, which the kernel frees when their process exits, and which forked children
//! do not inherit.

#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

use memmap2::MmapRaw;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::error::{Error, Result};

/// What kind of lock on a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    Exclusive,
    Shared,
}

/// Takes a lock that belongs to the open file and ends with it, also by a crash; `false` if another
/// lock is in the way. (`man 2 fcntl_locking`: open file description locks.)
pub fn try_lock(file: &File, lock: Lock, path: &Path) -> Result<bool> {
    let kind = match lock {
        Lock::Exclusive => libc::F_WRLCK,
        Lock::Shared => libc::F_RDLCK,
    };
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file(kind))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(Error::system(errno, "lock", path)),
    }
}

/// Whether another open file has a lock on the file. Needs no write permission.
pub fn is_locked(file: &File, path: &Path) -> Result<bool> {
    let mut found = whole_file(libc::F_WRLCK);
    fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut found))
        .map_err(|errno| Error::system(errno, "look for locks on", path))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

#[allow(clippy::cast_possible_truncation)] // the constants are small
fn whole_file(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// An open file whose lock forked children do not inherit. A child would share the open file, and
/// keep the lock while it lives; so in a child, this descriptor is replaced by another file.
#[derive(Debug)]
pub struct ForkSafeFile {
    file: File,
    entry: &'static ForkEntry,
    process: u32,
}

impl ForkSafeFile {
    /// Must be called before the file is locked, so that no child can get the lock.
    pub fn new(file: File) -> Self {
        static IS_READY: AtomicBool = AtomicBool::new(false);
        if !IS_READY.load(Ordering::Relaxed) {
            // SAFETY: the handler only does what a signal handler may do, as it must after a fork
            // of a program with threads, and it may run twice (`man 3 pthread_atfork`, `man 7
            // signal-safety`). The call only fails without memory, and a child then keeps the lock.
            unsafe { libc::pthread_atfork(None, None, Some(close_in_child)) };
            // Only now, as another thread that sees it continues without the call.
            IS_READY.store(true, Ordering::Relaxed);
        }
        let entry = ForkEntry::take(file.as_raw_fd());
        let process = std::process::id();
        Self {
            file,
            entry,
            process,
        }
    }
}

impl std::ops::Deref for ForkSafeFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for ForkSafeFile {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return;
        }
        // A child that was just forked may not have closed its copy yet, so closing does not
        // unlock.
        let _ = fcntl(
            self.file.as_fd(),
            FcntlArg::F_OFD_SETLK(&whole_file(libc::F_UNLCK)),
        );
        self.entry
            .descriptor
            .store(ForkEntry::FREE, Ordering::Relaxed);
    }
}

/// An entry of the list of descriptors that a forked child must close. Entries are reused and never
/// freed, so the child can walk the list without a lock, which another thread of its parent could
/// have held.
#[derive(Debug)]
struct ForkEntry {
    descriptor: AtomicI32,
    next: AtomicPtr<ForkEntry>,
}

static FORK_LIST: AtomicPtr<ForkEntry> = AtomicPtr::new(std::ptr::null_mut());

impl ForkEntry {
    const FREE: i32 = -1;

    fn take(descriptor: i32) -> &'static Self {
        let mut next = &FORK_LIST;
        while let Some(entry) = Self::at(next) {
            let taken = entry.descriptor.compare_exchange(
                Self::FREE,
                descriptor,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return entry;
            }
            next = &entry.next;
        }
        let entry: &'static Self = Box::leak(Box::new(Self {
            descriptor: AtomicI32::new(descriptor),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }));
        let mut first = FORK_LIST.load(Ordering::Acquire);
        loop {
            entry.next.store(first, Ordering::Relaxed);
            let new = std::ptr::from_ref(entry).cast_mut();
            match FORK_LIST.compare_exchange(first, new, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return entry,
                Err(other) => first = other,
            }
        }
    }

    fn at(pointer: &AtomicPtr<Self>) -> Option<&'static Self> {
        // SAFETY: the pointer is null or that of an entry, which is complete before it is in the
        // list, and is never freed.
        unsafe { pointer.load(Ordering::Acquire).as_ref() }
    }
}

extern "C" fn close_in_child() {
    let mut next = &FORK_LIST;
    while let Some(entry) = ForkEntry::at(next) {
        let descriptor = entry.descriptor.swap(ForkEntry::FREE, Ordering::Relaxed);
        if descriptor != ForkEntry::FREE {
            // SAFETY: these are system calls on the descriptor of an open file of this process,
            // which has one thread so far. The number must stay in use, as the child's copy of the
            // `File` closes it; an eventfd takes its place, as it is the cheapest open file.
            unsafe {
                libc::close(descriptor);
                let other = libc::eventfd(0, libc::EFD_CLOEXEC);
                if other >= 0 && other != descriptor {
                    libc::dup3(other, descriptor, libc::O_CLOEXEC);
                    libc::close(other);
                }
            }
        }
        next = &entry.next;
    }
}

/// How many publications a writer may make without checks. In a forked child it is zero, as the
/// kernel clears the page of it.
#[derive(Debug)]
pub struct ForkGuard {
    page: MmapRaw,
}

/// The contents of the page.
#[repr(C)]
struct Budget {
    /// How many uses are left.
    left: i64,
    /// 1 in the process that made the guard, 0 in a child.
    is_valid: i64,
}

impl ForkGuard {
    /// A guard for this process, with an empty budget.
    pub fn new(path: &Path) -> Result<Self> {
        let failed = |errno| Error::system(errno, "guard against forks the writer of", path);
        let page = memmap2::MmapMut::map_anon(size_of::<Budget>())
            .map_err(|error| failed(error.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
        let page = MmapRaw::from(page);
        // SAFETY: the advice is for the page of this mapping, and changes nothing in this process.
        // (`man 2 madvise`, MADV_WIPEONFORK: Linux 4.14, private anonymous memory.)
        let result =
            unsafe { libc::madvise(page.as_mut_ptr().cast(), page.len(), libc::MADV_WIPEONFORK) };
        Errno::result(result).map_err(failed)?;
        let mut guard = Self { page };
        guard.budget().is_valid = 1;
        Ok(guard)
    }

    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    fn budget(&mut self) -> &mut Budget {
        // SAFETY: the page is mapped while `self` lives, and no other pointer to it exists. The
        // kernel clears it only before a child runs.
        unsafe { &mut *self.page.as_mut_ptr().cast() }
    }

    /// Whether this process is a child that got the guard by fork.
    pub fn is_child(&mut self) -> bool {
        self.budget().is_valid == 0
    }

    /// Counts a use; `false` if the budget was used up.
    #[inline]
    pub fn use_up(&mut self) -> bool {
        let budget = self.budget();
        budget.left -= 1;
        budget.left >= 0
    }

    /// Grants a new budget.
    pub fn renew(&mut self, times: i64) {
        self.budget().left = times;
    }
}
