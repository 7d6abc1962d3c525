//! Files and memory: making a segment, mapping it, waiting on a word of it. What the words mean is
//! the ring's business.

#![allow(unsafe_code)]

use std::fs::File;
use std::hint::assert_unchecked;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};
use crate::ring::WORD;
use crate::ring::copy::{Plan, SlotBytes};
use crate::ring::sync::AtomicU64;
use crate::ring::{Memory, Slot};
use crate::segment::draft::reserve;
use crate::segment::layout::{CONTROL_SIZE, Layout};
use crate::segment::trust::Access;

/// A segment: its file, and the mapping of that as soon as it is wanted.
#[derive(Debug)]
pub struct Segment {
    file: File,
    size: usize,
    mapping: OnceLock<Mapping>,
}

/// The memory of a segment, mapped for as long as a clone of this lives. Where its words stand is
/// worked out once.
#[derive(Clone, Debug)]
pub struct Mapping {
    map: Arc<MmapRaw>,
    slots: *const AtomicU64,
    slot_size: usize,
    last_slot: u64,
    plan: Plan,
}

/// The mapping of a segment whose payloads are one block each, which the processor copies without a
/// loop: where that needs no check.
#[derive(Clone, Debug)]
pub struct BlockMapping(Mapping);

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
            Access::Write | Access::LockOrRemove => options.map_raw(&self.file),
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

    /// The word at an offset, a multiple of a word's bytes and inside the segment. Storing to one
    /// that was mapped for reading is a fault.
    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(WORD) && offset < self.map.len());
        let word = self
            .map
            .as_mut_ptr()
            .wrapping_add(offset)
            .cast::<AtomicU64>();
        // SAFETY: it is aligned, as the mapping starts on a page, and mapped for as long as `self`
        // lives; every bit pattern is a word; this process and all others reach the words by
        // atomics only, and those that map for reading only load. (A file that is truncated while
        // mapped gives SIGBUS, not undefined behaviour.)
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
        // SAFETY: there are `last_slot` + 1 slots of `slot_size` in the mapping, each with the
        // payload's words and behind them the stamp's: so the layout was made, by which the file
        // was measured. And else as in `word`.
        unsafe {
            let start = self.slots.byte_add(index * self.slot_size);
            Slot {
                payload: SlotBytes::new(start, &self.plan),
                stamp: &*start.add(self.plan.words()).cast(),
            }
        }
    }
}

impl BlockMapping {
    /// `None` if the payloads are not one block each.
    pub fn of(mapping: &Mapping) -> Option<Self> {
        mapping.plan.is_one_block().then(|| Self(mapping.clone()))
    }
}

impl Memory for BlockMapping {
    #[inline]
    fn head(&self) -> &AtomicU64 {
        self.0.head()
    }

    #[inline]
    fn last_slot(&self) -> u64 {
        self.0.last_slot()
    }

    #[inline]
    fn slot(&self, sequence: u64) -> Slot<'_> {
        // SAFETY: `of` has checked that, and nothing changes it.
        unsafe { assert_unchecked(self.0.plan.is_one_block()) };
        self.0.slot(sequence)
    }
}
