//! Reading a ring by system calls, for readers that do not trust the board's writers: a truncated
//! file is an error here, but a SIGBUS for a process that loads from a mapping of it.
//!
//! It is the reader's path of `protocol`, with pread instead of loads. That is sound as the kernel
//! copies an aligned word in one piece, and as the calls load in their order: each call is a
//! barrier to the compiler, and the fences below are one to the processor. pread and mappings see
//! the same memory, which POSIX leaves open and Linux promises (`man 2 mmap`, `MAP_SHARED`:
//! "visible to other processes mapping the same region").

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::Result;
use std::os::unix::fs::FileExt;

use bytemuck::cast_slice_mut;

use crate::ring::WORD;
use crate::ring::sync::{Ordering, fence};
use crate::ring::{Head, StampWords, is_whole, length};
use crate::segment::layout::Layout;

/// The largest slot that `copy_newest` reads, in bytes.
const AT_ONCE: usize = 1024;

/// A ring in a file.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'file> {
    pub file: &'file File,
    pub layout: &'file Layout,
}

impl Ring<'_> {
    /// As `Ring::head` of the protocol.
    pub fn head(&self) -> Result<Head> {
        let mut word = [0; WORD];
        self.file
            .read_exact_at(&mut word, self.layout.control_offset as u64)?;
        fence(Ordering::Acquire);
        Ok(Head::of(u64::from_ne_bytes(word)))
    }

    /// As `Ring::copy` of the protocol.
    pub fn copy(
        &self,
        sequence: u64,
        stamp: &mut StampWords,
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

    /// Copies the publication of a head that was loaded before, if it is still the newest, in two
    /// calls. `false` otherwise, or if the slot is too large.
    pub fn copy_newest(
        &self,
        seen: Head,
        stamp: &mut StampWords,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let (start, end) = (
            self.layout.slot_offset(seen.sequence),
            self.layout.stamp_offset(seen.sequence),
        );
        let mut slot = [0; AT_ONCE];
        let Some(slot) = slot.get_mut(..end + size_of::<StampWords>() - start) else {
            return Ok(false);
        };
        self.file.read_exact_at(slot, start as u64)?;
        fence(Ordering::Acquire);
        let (payload, words) = slot.split_at(end - start);
        cast_slice_mut(stamp).copy_from_slice(words);
        let room = bytes.len().min(self.layout.record_size);
        bytes[..room].copy_from_slice(&payload[..room]);
        // The head did not move, so the writer was in another slot.
        Ok(self.head()? == seen)
    }
}
