//! System V shared memory under a semaphore with `SEM_UNDO`.

#![allow(unsafe_code)]

use std::os::unix::ffi::OsStrExt;
use std::ptr::{copy_nonoverlapping, null};

use super::{Buffer, Peer, Place, Publish, Read, buffer};

pub const PEER: Peer = Peer {
    name: "System V, semaphore",
    writer: |place| Box::new(Attached::new(place, true)),
    reader: |place| Box::new(Attached::new(place, false)),
    is_contended: true,
    note: "attached once; semop with SEM_UNDO",
};

struct Attached {
    memory: *mut u8,
    semaphore: i32,
    segment: i32,
    is_new: bool,
    record: Buffer,
}

impl Attached {
    fn new(place: &Place, is_new: bool) -> Self {
        let hash = place.directory.as_os_str().as_bytes().iter();
        let hash = hash.fold(place.size, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // any bits do
        let key = hash as i32 | 1;
        // SAFETY: the calls of man 7 sysvipc; nothing is accessed before all have succeeded.
        unsafe {
            let segment = libc::shmget(key, place.size, libc::IPC_CREAT | 0o600);
            let semaphore = libc::semget(key, 1, libc::IPC_CREAT | 0o600);
            assert!(segment >= 0 && semaphore >= 0, "System V objects");
            if is_new {
                assert_eq!(libc::semctl(semaphore, 0, libc::SETVAL, 1), 0);
            }
            let memory = libc::shmat(segment, null(), 0);
            assert!(memory.addr() != usize::MAX, "attached");
            Self {
                memory: memory.cast(),
                semaphore,
                segment,
                is_new,
                record: buffer(place),
            }
        }
    }

    fn change(&self, by: i16) {
        let mut operation = libc::sembuf {
            sem_num: 0,
            sem_op: by,
            #[allow(clippy::cast_possible_truncation)] // a small flag
            sem_flg: libc::SEM_UNDO as i16,
        };
        // SAFETY: one operation on a semaphore of this program.
        let done = unsafe { libc::semop(self.semaphore, &raw mut operation, 1) };
        assert_eq!(done, 0, "the semaphore");
    }
}

impl Publish for Attached {
    fn publish(&mut self, record: &[u64]) {
        self.change(-1);
        // SAFETY: attached with room for it, under the semaphore.
        unsafe { copy_nonoverlapping(record.as_ptr().cast(), self.memory, size_of_val(record)) }
        self.change(1);
    }
}

impl Read for Attached {
    fn read(&mut self) -> &[u64] {
        self.change(-1);
        // SAFETY: attached with that many bytes, under the semaphore.
        unsafe {
            let to = self.record.as_mut_ptr().cast();
            copy_nonoverlapping(self.memory, to, size_of_val(&self.record[..]));
        }
        self.change(1);
        &self.record
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: attached until now; the creator of the objects removes them.
        unsafe {
            libc::shmdt(self.memory.cast());
            if self.is_new {
                libc::shmctl(self.segment, libc::IPC_RMID, std::ptr::null_mut());
                libc::semctl(self.semaphore, 0, libc::IPC_RMID);
            }
        }
    }
}
