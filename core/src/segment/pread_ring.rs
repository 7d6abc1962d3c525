//! Reading a ring by system calls, for readers that do not trust those who may write the board: a file
//! that somebody cuts off gives an error here, and SIGBUS to whoever loads from a mapping of it.
//!
//! It is the reader's path of `ring`, with pread for the loads. Three things take the place of what the
//! memory model gives there. The kernel copies an aligned word in one piece. Its calls load in the
//! order in which they are made: each one is a full barrier to the compiler, and the fence below is
//! one to the processor. And both look at the same memory as the mappings do, which POSIX leaves open
//! and Linux promises (man 2 mmap, `MAP_SHARED`: "visible to other processes mapping the same region").

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Result;
use std::os::unix::fs::FileExt;

use bytemuck::cast_slice_mut;

use crate::ring::WORD;
use crate::ring::sync::{Ordering, fence};
use crate::ring::{Head, Stamp, is_whole, length};
use crate::segment::layout::Layout;

/// Bytes of the slots that `copy_newest` reads.
const AT_ONCE: usize = 1024;

/// A ring in a file.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'file> {
    pub file: &'file File,
    pub layout: &'file Layout,
}

impl Ring<'_> {
    /// As `ring::Ring::head`.
    pub fn head(&self) -> Result<Head> {
        let mut word = [0; WORD];
        self.file
            .read_exact_at(&mut word, self.layout.control_offset as u64)?;
        fence(Ordering::Acquire);
        Ok(Head::of(u64::from_ne_bytes(word)))
    }

    /// As `ring::Ring::copy`.
    pub fn copy(
        &self,
        sequence: u64,
        stamp: &mut Stamp,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let at = self.layout.stamp_offset(sequence);
        self.file.read_exact_at(cast_slice_mut(stamp), at as u64)?;
        let end = length(stamp).min(self.layout.record_size);
        let room = bytes.len().min(end.saturating_sub(offset));
        if room > 0 {
            let at = self.layout.slot_offset(sequence) + offset;
            self.file.read_exact_at(&mut bytes[..room], at as u64)?;
        }
        fence(Ordering::Acquire);
        let last_slot = u64::from(self.layout.slot_count - 1);
        Ok(is_whole(self.head()?, sequence, last_slot))
    }

    /// Copies the publication of a head that was loaded before, if that is still the newest: in two
    /// calls. `false` also if the slot is larger than what is read at once.
    pub fn copy_newest(&self, seen: Head, stamp: &mut Stamp, bytes: &mut [u8]) -> Result<bool> {
        let (start, end) = (
            self.layout.slot_offset(seen.sequence),
            self.layout.stamp_offset(seen.sequence),
        );
        let mut slot = [0; AT_ONCE];
        let Some(slot) = slot.get_mut(..end + size_of::<Stamp>() - start) else {
            return Ok(false);
        };
        self.file.read_exact_at(slot, start as u64)?;
        fence(Ordering::Acquire);
        let (payload, words) = slot.split_at(end - start);
        cast_slice_mut(stamp).copy_from_slice(words);
        let room = bytes.len().min(self.layout.record_size);
        bytes[..room].copy_from_slice(&payload[..room]);
        // The head did not move at all, so the writer was in another slot all the time.
        Ok(self.head()? == seen)
    }
}
