//! Mapped memory: as fast as possible and unsafe, or guarded as in textbooks.

#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::mem::MaybeUninit;
use std::ptr::copy_nonoverlapping;

use memmap2::{MmapOptions, MmapRaw};
use seqlock::SeqLock;

use super::{Aligned, Buffer, Peer, Place, Publish, Read, array, buffer, sized};

pub const MEMCPY: Peer = Peer {
    name: "memcpy",
    writer: |place| Box::new(Memcpy::new(place)),
    reader: |place| Box::new(Memcpy::new(place)),
    is_contended: false,
    note: "a limit: nothing guards the bytes",
};
pub const SEQLOCK: Peer = Peer {
    name: "seqlock crate",
    writer: |place| sized!(Guarded, place),
    reader: |place| sized!(Guarded, place),
    is_contended: true,
    note: "its lock placed in a mapping, which it was not made for",
};
pub const MUTEX: Peer = Peer {
    name: "robust mutex",
    writer: |place| Box::new(Mutex::new(place, true)),
    reader: |place| Box::new(Mutex::new(place, false)),
    is_contended: true,
    note: "pthread, process-shared and robust, with memcpy",
};

/// Room for a lock before the bytes.
const HEADER: usize = 128;

fn map(place: &Place, name: &str, size: usize) -> MmapRaw {
    let path = place.directory.join(format!("{name}{}", place.size));
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).expect("a file in /dev/shm");
    file.set_len(size as u64).expect("memory");
    let map = MmapOptions::new().len(size).map_raw(&file);
    map.expect("a mapping")
}

struct Memcpy {
    map: MmapRaw,
    record: Buffer,
}

impl Memcpy {
    fn new(place: &Place) -> Self {
        Self {
            map: map(place, "memcpy", place.size),
            record: buffer(place),
        }
    }
}

// Not inlined, as the calls of a library are not.
impl Publish for Memcpy {
    #[inline(never)]
    fn publish(&mut self, record: &[u64]) {
        let to = self.map.as_mut_ptr();
        // SAFETY: nothing else accesses the bytes: this is measured alone.
        unsafe { copy_nonoverlapping(record.as_ptr().cast(), to, size_of_val(record)) }
    }
}

impl Read for Memcpy {
    #[inline(never)]
    fn read(&mut self) -> &[u64] {
        let record = &mut self.record[..];
        let from = self.map.as_ptr();
        // SAFETY: as above.
        unsafe { copy_nonoverlapping(from, record.as_mut_ptr().cast(), size_of_val(record)) }
        record
    }
}

struct Guarded<const WORDS: usize> {
    map: MmapRaw,
    record: Aligned<[u64; WORDS]>,
}

impl<const WORDS: usize> Guarded<WORDS> {
    fn new(place: &Place) -> Self {
        let size = size_of::<SeqLock<[u64; WORDS]>>();
        Self {
            map: map(place, "seqlock", size),
            record: Aligned([0; WORDS]),
        }
    }

    /// A file of zeros is an unlocked lock around zeros.
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    fn lock(&self) -> &SeqLock<[u64; WORDS]> {
        // SAFETY: the mapping has room for it, and `SeqLock::new` of zeros is zeros.
        unsafe { &*self.map.as_ptr().cast() }
    }
}

impl<const WORDS: usize> Publish for Guarded<WORDS> {
    fn publish(&mut self, record: &[u64]) {
        *self.lock().lock_write() = *array(record);
    }
}

impl<const WORDS: usize> Read for Guarded<WORDS> {
    fn read(&mut self) -> &[u64] {
        self.record.0 = self.lock().read();
        &self.record.0
    }
}

struct Mutex {
    map: MmapRaw,
    record: Buffer,
}

impl Mutex {
    fn new(place: &Place, is_new: bool) -> Self {
        let mutex = Self {
            map: map(place, "mutex", HEADER + place.size),
            record: buffer(place),
        };
        if is_new {
            let mut how = MaybeUninit::uninit();
            // SAFETY: the calls of man 3 pthread_mutexattr_setrobust, on mapped memory.
            unsafe {
                libc::pthread_mutexattr_init(how.as_mut_ptr());
                libc::pthread_mutexattr_setpshared(how.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED);
                libc::pthread_mutexattr_setrobust(how.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST);
                assert_eq!(libc::pthread_mutex_init(mutex.lock(), how.as_ptr()), 0);
            }
        }
        mutex
    }

    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    fn lock(&self) -> *mut libc::pthread_mutex_t {
        self.map.as_mut_ptr().cast()
    }

    fn locked(&self, body: impl FnOnce(*mut u8)) {
        // SAFETY: the lock was initialised before any reader existed; the bytes follow it.
        unsafe {
            if libc::pthread_mutex_lock(self.lock()) == libc::EOWNERDEAD {
                libc::pthread_mutex_consistent(self.lock());
            }
            body(self.map.as_mut_ptr().add(HEADER));
            libc::pthread_mutex_unlock(self.lock());
        }
    }
}

impl Publish for Mutex {
    fn publish(&mut self, record: &[u64]) {
        // SAFETY: the mapping has room, and the lock is held.
        self.locked(|to| unsafe {
            copy_nonoverlapping(record.as_ptr().cast(), to, size_of_val(record));
        });
    }
}

impl Read for Mutex {
    fn read(&mut self) -> &[u64] {
        let (to, size) = (self.record.as_mut_ptr(), size_of_val(&self.record[..]));
        // SAFETY: the mapping and the record have that many bytes; the lock is held.
        self.locked(|from| unsafe { copy_nonoverlapping(from, to.cast(), size) });
        &self.record
    }
}
