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

use crate::layout::{STAMP_WORDS, WORD};
use crate::ring::{Head, Stamp, is_whole, length};
use crate::sync::{Ordering, fence};

/// A ring in a file.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'file> {
    pub file: &'file File,
    /// Where the head stands, in bytes.
    pub head: usize,
    pub slot_count: u32,
}

impl Ring<'_> {
    /// As `ring::Ring::head`.
    pub fn head(&self) -> Result<Head> {
        let mut word = [0; WORD];
        self.file.read_exact_at(&mut word, self.head as u64)?;
        fence(Ordering::Acquire);
        Ok(Head::of(u64::from_ne_bytes(word)))
    }

    /// As `ring::Ring::copy`, from the slot that begins at `slot`.
    pub fn copy(
        &self,
        sequence: u64,
        slot: usize,
        stamp: &mut Stamp,
        payload: &mut [u8],
    ) -> Result<bool> {
        self.file
            .read_exact_at(cast_slice_mut(stamp), slot as u64)?;
        let used = length(stamp).min(payload.len());
        let start = slot + STAMP_WORDS * WORD;
        self.file
            .read_exact_at(&mut payload[..used], start as u64)?;
        fence(Ordering::Acquire);
        Ok(is_whole(self.head()?, sequence, self.slot_count))
    }
}
