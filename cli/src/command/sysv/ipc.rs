//! System V shared memory and semaphores, by calls that no maintained crate wraps. Only this file
//! of the program has unsafe code.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use libc::{c_int, c_short, c_ushort};
use nix::sys::time::TimeSpec;

/// Semaphores of a set as PHP creates it: the lock, the number of processes that use the set, and
/// one that is 1 while a process joins. When the first process joins, PHP sets the lock to 1, even
/// if another process holds it.
const PHP_COUNT: c_int = 3;
const LOCK: c_ushort = 0;
const USERS: c_ushort = 1;
const JOINING: c_ushort = 2;
/// The longest wait for another process to join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest timeout: it fits the 32 bits that a time has on some machines.
const MAX_TIMEOUT: Duration = Duration::from_secs(i32::MAX as u64);
/// The bit of a segment's mode that is set once the segment is removed.
const SHM_DEST: u32 = 0o1000;

// The C libraries have this function, but the crate `libc` does not.
unsafe extern "C" {
    fn semtimedop(
        id: c_int,
        operations: *mut libc::sembuf,
        count: libc::size_t,
        timeout: *const libc::timespec,
    ) -> c_int;
}

/// Whether a call failed because the object was removed, before the call or during it.
pub fn is_removed(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIDRM | libc::EINVAL))
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// The owner and the permissions of a segment.
#[derive(Clone, Copy)]
pub struct Permissions {
    pub owner: u32,
    pub creator: u32,
    pub mode: u32,
}

/// Shared memory that stays attached.
pub struct Segment {
    id: c_int,
    permissions: Permissions,
    start: NonNull<AtomicU8>,
    size: usize,
}

// SAFETY: the memory is the process's until it is detached, and all access to it is atomic.
unsafe impl Send for Segment {}

impl Segment {
    /// Opens the segment of a key as it is, or creates it.
    pub fn open(key: i32, size: usize, mode: u32) -> io::Result<Self> {
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | mode.cast_signed();
        // SAFETY: the call takes three numbers.
        let id = match checked(unsafe { libc::shmget(key, size, flags) }) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // SAFETY: as before; size 0 fits a segment of any size.
                checked(unsafe { libc::shmget(key, 0, 0) })?
            }
            created => created?,
        };
        let status = status(id)?;
        let permissions = Permissions {
            owner: status.shm_perm.uid,
            creator: status.shm_perm.cuid,
            mode: u32::from(status.shm_perm.mode) & 0o777,
        };
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let start = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        if start.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            id,
            permissions,
            start,
            size: status.shm_segsz,
        })
    }

    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// The bytes, which other processes can change at any time.
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: `size` bytes are attached until `self` is dropped: a System V segment cannot be
        // truncated. The kernel initialises them with zeros, and an atomic byte has neither padding
        // nor alignment.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }

    /// Whether a process removed the segment: it then exists only while it is attached, and its key
    /// is free.
    pub fn is_removed(&self) -> bool {
        let is_marked = |status: libc::shmid_ds| u32::from(status.shm_perm.mode) & SHM_DEST != 0;
        status(self.id).map_or(true, is_marked)
    }

    pub fn remove(&self) -> io::Result<()> {
        // SAFETY: this command takes no buffer.
        checked(unsafe { libc::shmctl(self.id, libc::IPC_RMID, std::ptr::null_mut()) }).map(drop)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the segment is attached at this address, and no borrow of its bytes outlives
        // `self`.
        unsafe { libc::shmdt(self.start.as_ptr().cast()) };
    }
}

fn status(id: c_int) -> io::Result<libc::shmid_ds> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: the kernel fills the buffer, which has the type that the command takes.
    checked(unsafe { libc::shmctl(id, libc::IPC_STAT, status.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so the kernel filled the buffer.
    Ok(unsafe { status.assume_init() })
}

/// A semaphore, which the kernel releases when its holder exits in any way.
pub struct Semaphore {
    id: c_int,
}

impl Semaphore {
    /// Opens the semaphore of a key, or creates one that is free.
    pub fn open(key: i32, mode: u32) -> io::Result<Self> {
        loop {
            let flags = libc::IPC_CREAT | mode.cast_signed();
            // SAFETY: the call takes three numbers.
            let id = match checked(unsafe { libc::semget(key, PHP_COUNT, flags) }) {
                // A set that PHP did not create can have only one.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    // SAFETY: as before; 0 fits a set of any size.
                    checked(unsafe { libc::semget(key, 0, 0) })?
                }
                opened => opened?,
            };
            let semaphore = Self { id };
            match semaphore.join() {
                // A script removed it in between.
                Err(error) if is_removed(&error) => {}
                joined => return joined.map(|()| semaphore),
            }
        }
    }

    /// Counts this process as a user, as PHP does, so that PHP does not free a semaphore that is
    /// held.
    fn join(&self) -> io::Result<()> {
        match self.change(
            &[(JOINING, 0), (JOINING, 1), (USERS, 1)],
            Some(JOIN_TIMEOUT),
        ) {
            // PHP did not create this set, which lacks the two other semaphores.
            Err(error) if error.raw_os_error() == Some(libc::EFBIG) => return Ok(()),
            counted => counted?,
        }
        // No process ever held it: this process created it, or a PHP that has not initialised it
        // yet.
        if self.control(USERS, libc::GETVAL, 0)? == 1 && self.last_user()? == 0 {
            self.control(LOCK, libc::SETVAL, 1)?;
        }
        self.change(&[(JOINING, -1)], None)
    }

    /// Waits until the semaphore is free and takes it; fails with `TimedOut` after the timeout.
    pub fn acquire(&self, timeout: Duration) -> io::Result<()> {
        match self.change(&[(LOCK, -1)], Some(timeout)) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
                Err(io::ErrorKind::TimedOut.into())
            }
            changed => changed,
        }
    }

    pub fn release(&self) -> io::Result<()> {
        self.change(&[(LOCK, 1)], None)
    }

    /// Waits until a process removes the semaphore, and returns the error of that.
    pub fn wait_until_removed(&self) -> io::Error {
        // No value is zero and can also be decremented, so the kernel never changes it.
        let never = self.change(&[(LOCK, 0), (LOCK, -1)], None);
        never.err().unwrap_or_else(|| io::ErrorKind::Other.into())
    }

    /// The process that acquired or released it last.
    pub fn last_user(&self) -> io::Result<i32> {
        self.control(LOCK, libc::GETPID, 0)
    }

    pub fn remove(&self) -> io::Result<()> {
        self.control(LOCK, libc::IPC_RMID, 0).map(drop)
    }

    fn control(&self, which: c_ushort, command: c_int, value: c_int) -> io::Result<c_int> {
        // SAFETY: one of these commands takes a number, and the others take nothing.
        checked(unsafe { libc::semctl(self.id, which.into(), command, value) })
    }

    /// Changes several semaphores of the set at once; the kernel undoes that when this process
    /// exits.
    fn change(&self, by: &[(c_ushort, c_short)], timeout: Option<Duration>) -> io::Result<()> {
        #[allow(clippy::cast_possible_truncation)] // it is 0x1000
        let operation = |&(sem_num, sem_op): &(c_ushort, c_short)| libc::sembuf {
            sem_num,
            sem_op,
            sem_flg: libc::SEM_UNDO as c_short,
        };
        let mut operations: Vec<_> = by.iter().map(operation).collect();
        let timeout = timeout.map(|timeout| TimeSpec::from_duration(timeout.min(MAX_TIMEOUT)));
        let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| {
            std::ptr::from_ref(timeout.as_ref())
        });
        let (start, count) = (operations.as_mut_ptr(), operations.len());
        loop {
            // SAFETY: there are `count` operations, which outlive the call, as does a timeout.
            match checked(unsafe { semtimedop(self.id, start, count, timeout) }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                changed => return changed.map(drop),
            }
        }
    }
}
