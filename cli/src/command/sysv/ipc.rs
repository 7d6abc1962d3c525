//! System V shared memory and semaphores, by the calls that no well-kept crate wraps. Here alone the program is unsafe.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use libc::{c_int, c_short, c_ushort};
use nix::sys::time::TimeSpec;

/// Semaphores of a set as PHP makes it: the one that is held, how many processes use it, and one that PHP holds while
/// it looks at these. PHP gives the first one its value anew when the first process comes to use it, whoever holds it.
const PHP_COUNT: c_int = 3;
const HELD: c_ushort = 0;
const USERS: c_ushort = 1;

/// The longest wait: it fits the 32 bits that a time has on some machines.
const LONGEST: Duration = Duration::from_secs(i32::MAX as u64);
/// The bit of a segment's mode that says that somebody removed it.
const SHM_DEST: u32 = 0o1000;

// The C libraries have it, but `libc` does not.
unsafe extern "C" {
    fn semtimedop(
        id: c_int,
        operations: *mut libc::sembuf,
        count: libc::size_t,
        timeout: *const libc::timespec,
    ) -> c_int;
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Shared memory that stays attached.
pub struct Segment {
    id: c_int,
    start: NonNull<AtomicU8>,
    size: usize,
}

// SAFETY: the memory is the process's until it is detached, and all access to it is atomic.
unsafe impl Send for Segment {}

impl Segment {
    /// The segment of this key as it is, or a new one.
    pub fn open(key: i32, size: usize, mode: u32) -> io::Result<Self> {
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | mode.cast_signed();
        // SAFETY: it takes three numbers.
        let id = match checked(unsafe { libc::shmget(key, size, flags) }) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // SAFETY: as before; a size of 0 takes the segment whatever its own is.
                checked(unsafe { libc::shmget(key, 0, 0) })?
            }
            fresh => fresh?,
        };
        let size = status(id)?.shm_segsz;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let start = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        if start.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { id, start, size })
    }

    /// Other processes may change them at any time.
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: `size` bytes are attached until `self` is dropped: a System V segment cannot be cut off. They are
        // initialised, as the kernel gives zeros, and an atomic byte has neither padding nor alignment.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }

    /// Whether somebody removed it: then it lasts only as long as it is attached, and its key is another segment's.
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
        // SAFETY: it was attached there, and no borrow of its bytes outlives `self`.
        unsafe { libc::shmdt(self.start.as_ptr().cast()) };
    }
}

fn status(id: c_int) -> io::Result<libc::shmid_ds> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: the kernel fills the buffer, which is of the type that it takes.
    checked(unsafe { libc::shmctl(id, libc::IPC_STAT, status.as_mut_ptr()) })?;
    // SAFETY: it has done so.
    Ok(unsafe { status.assume_init() })
}

/// A semaphore that the kernel gives back when this process ends, however that happens.
pub struct Semaphore {
    id: c_int,
}

impl Semaphore {
    /// The semaphore of this key, or a new one that is free.
    pub fn open(key: i32, mode: u32) -> io::Result<Self> {
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | mode.cast_signed();
        // SAFETY: it takes three numbers.
        let fresh = checked(unsafe { libc::semget(key, PHP_COUNT, flags) });
        let semaphore = match fresh {
            Ok(id) => {
                let semaphore = Self { id };
                semaphore.control(libc::SETVAL, 1)?;
                semaphore
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self {
                // SAFETY: as before; 0 takes the set however many there are in it.
                id: checked(unsafe { libc::semget(key, 0, 0) })?,
            },
            Err(error) => return Err(error),
        };
        // So that PHP does not give it its value anew while it is held. A set that PHP did not make may have but one.
        match semaphore.change(USERS, 1, None) {
            Err(error) if error.raw_os_error() == Some(libc::EFBIG) => {}
            counted => counted?,
        }
        Ok(semaphore)
    }

    /// Waits until it is free, but not for ever: `TimedOut` then.
    pub fn acquire(&self, timeout: Duration) -> io::Result<Held<'_>> {
        match self.change(HELD, -1, Some(timeout)) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
                Err(io::ErrorKind::TimedOut.into())
            }
            changed => changed.map(|()| Held { semaphore: self }),
        }
    }

    /// The process that took or freed it last.
    pub fn last_user(&self) -> io::Result<i32> {
        self.control(libc::GETPID, 0)
    }

    pub fn remove(&self) -> io::Result<()> {
        self.control(libc::IPC_RMID, 0).map(drop)
    }

    fn control(&self, command: c_int, value: c_int) -> io::Result<c_int> {
        // SAFETY: of these commands, one takes a number and the others nothing.
        checked(unsafe { libc::semctl(self.id, HELD.into(), command, value) })
    }

    fn change(&self, which: c_ushort, by: c_short, timeout: Option<Duration>) -> io::Result<()> {
        #[allow(clippy::cast_possible_truncation)] // it is 0x1000
        let mut operation = libc::sembuf {
            sem_num: which,
            sem_op: by,
            sem_flg: libc::SEM_UNDO as c_short,
        };
        let timeout = timeout.map(|timeout| TimeSpec::from_duration(timeout.min(LONGEST)));
        let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| {
            std::ptr::from_ref(timeout.as_ref())
        });
        loop {
            // SAFETY: one operation, which is there as long as the call takes, as is the time, unless it is null.
            match checked(unsafe { semtimedop(self.id, &raw mut operation, 1, timeout) }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                changed => return changed.map(drop),
            }
        }
    }
}

/// The semaphore is held as long as this lives.
pub struct Held<'semaphore> {
    semaphore: &'semaphore Semaphore,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // It fails if somebody removed it, and then there is nothing to free.
        let _removed = self.semaphore.change(HELD, 1, None);
    }
}
