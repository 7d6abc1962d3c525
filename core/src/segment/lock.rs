//! Locks, which the kernel keeps and frees: of a whole file, and of this process alone, whatever its
//! forked children do.

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

/// Takes a lock that belongs to the open file and ends with it, be it by death; `false` when
/// another one is in the way. (man 2 `fcntl_locking`: open file description locks.)
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

/// Whether somebody else holds any lock on the file. Works without the right to write.
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

/// An open file whose lock is this process's alone. A forked child shares the open file, and would keep
/// the lock for as long as it lives; so what is open in a child under this number is another one.
#[derive(Debug)]
pub struct ForkSafeFile {
    file: File,
    held: &'static ForkRegistry,
    process: u32,
}

impl ForkSafeFile {
    /// Before it is locked, so that no child can ever have the lock.
    pub fn new(file: File) -> Self {
        static IS_READY: AtomicBool = AtomicBool::new(false);
        if !IS_READY.load(Ordering::Relaxed) {
            // SAFETY: the handler only does what a signal handler may do, and it may do it twice. (man 3
            // pthread_atfork; fork in a program of many threads, man 7 signal-safety.) It can only fail for
            // want of memory, and a child then keeps the lock.
            unsafe { libc::pthread_atfork(None, None, Some(close_in_child)) };
            // Only now, so that no other thread goes on without it.
            IS_READY.store(true, Ordering::Relaxed);
        }
        let held = ForkRegistry::take(file.as_raw_fd());
        let process = std::process::id();
        Self {
            file,
            held,
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
        // A child that was forked this very moment may not have let go yet.
        let _ = fcntl(
            self.file.as_fd(),
            FcntlArg::F_OFD_SETLK(&whole_file(libc::F_UNLCK)),
        );
        self.held
            .descriptor
            .store(ForkRegistry::FREE, Ordering::Relaxed);
    }
}

/// Where a forked child finds what to let go. None is ever freed, but used again: so the child can walk
/// along them without a lock, which another thread of its parent may have held.
#[derive(Debug)]
struct ForkRegistry {
    descriptor: AtomicI32,
    next: AtomicPtr<ForkRegistry>,
}

static HELD: AtomicPtr<ForkRegistry> = AtomicPtr::new(std::ptr::null_mut());

impl ForkRegistry {
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

extern "C" fn close_in_child() {
    let mut next = &HELD;
    while let Some(held) = ForkRegistry::at(next) {
        let descriptor = held.descriptor.swap(ForkRegistry::FREE, Ordering::Relaxed);
        if descriptor != ForkRegistry::FREE {
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

/// What a writer may do without a second look; nothing in a forked child, where the kernel empties the page
/// that this stands on.
#[derive(Debug)]
pub struct ForkGuard {
    page: MmapRaw,
}

/// What the page has.
#[repr(C)]
struct Terms {
    /// How often more it may be used.
    left: i64,
    /// Not 0 in the process that has it.
    is_valid: i64,
}

impl ForkGuard {
    /// One of this process, to be used not at all for now.
    pub fn new(path: &Path) -> Result<Self> {
        let failed = |errno| Error::system(errno, "guard against fork the writer of", path);
        let page = memmap2::MmapMut::map_anon(size_of::<Terms>())
            .map_err(|error| failed(error.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
        let page = MmapRaw::from(page);
        // SAFETY: the advice is for the one page that this mapping has, and changes nothing here.
        // (man 2 madvise, MADV_WIPEONFORK: Linux 4.14, private anonymous memory.)
        let result =
            unsafe { libc::madvise(page.as_mut_ptr().cast(), page.len(), libc::MADV_WIPEONFORK) };
        Errno::result(result).map_err(failed)?;
        let mut licence = Self { page };
        licence.terms().is_valid = 1;
        Ok(licence)
    }

    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    fn terms(&mut self) -> &mut Terms {
        // SAFETY: the page is mapped for as long as `self` lives, of which nobody else has the pointer. The
        // kernel changes it in nobody's sight: where a child begins.
        unsafe { &mut *self.page.as_mut_ptr().cast() }
    }

    /// Whether this is a child that got it by fork.
    pub fn is_child(&mut self) -> bool {
        self.terms().is_valid == 0
    }

    /// Uses it once; `false` when there was nothing left.
    #[inline]
    pub fn use_up(&mut self) -> bool {
        let terms = self.terms();
        terms.left -= 1;
        terms.left >= 0
    }

    /// Lets it be used so often.
    pub fn renew(&mut self, times: i64) {
        self.terms().left = times;
    }
}
