//! A board: a segment whose bytes are checked, with its schema, and how a new segment is made.

pub mod cache;
pub mod condition;
pub mod copy;
pub mod durability;
pub mod follow;
pub mod info;
pub mod leftovers;
pub mod lifecycle;
pub mod mirror;
pub mod open;
pub mod options;
pub mod publish;
pub mod reader;
pub mod revalidation;
pub mod snapshot;
pub mod snapshot_file;
pub mod spec;
pub mod typed;
pub mod wait;
pub mod writer;
pub mod writer_lock;
pub mod writer_process;

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::stat::{FileStat, Mode, fchmod};

use self::open::read_failed;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::WORD;
use crate::ring::{self, Head, Ring};
use crate::schema::Schema;
use crate::segment::checksum;
use crate::segment::layout::Layout;
use crate::segment::path::BoardPath;
use crate::segment::pread_ring;
use crate::segment::seed::{RawRecord, Seed, write_segment};
use crate::segment::stamp::Publication;
use crate::segment::trust::{Access, names};
use crate::segment::{Draft, Mapping, Segment};

/// An open board, whose sizes are checked.
#[derive(Debug)]
pub struct Board {
    pub place: BoardPath,
    pub segment: Segment,
    pub schema: Arc<Schema>,
    pub layout: Layout,
    /// The sequence before this segment's first publication.
    pub base: u64,
    /// Sequences of boards with the same lineage can be compared.
    pub lineage: u64,
    /// The status of the file when it was opened.
    pub status: FileStat,
    pub access: Access,
    /// Whether the head was read before, by a system call.
    was_read: AtomicBool,
    /// The word of the head when the board was opened, until it is used; 0 if there is no record.
    opened_head: AtomicU64,
}

impl Board {
    /// `DENIED` for a mirror, which only its bridge writes.
    pub fn check_own(&self) -> Result<()> {
        if !self.layout.mirror {
            return Ok(());
        }
        let (name, path) = (&self.place.name, self.path().display());
        let message = format!(
            "board {name} ({path}) mirrors one of another machine. Write that board, or \
             remove this one."
        );
        Err(Error::new(ErrorKind::Denied, message))
    }

    /// A new segment, without a name.
    pub fn draft(
        place: &BoardPath,
        schema: &Schema,
        layout: &Layout,
        mode: u32,
        seed: &Seed,
    ) -> Result<Draft> {
        let draft = Draft::new(&place.directory, mode, layout.segment_size)?;
        let write = |offset, bytes: &[u8]| draft.write(offset, bytes, &place.board);
        write_segment(schema, layout, seed, write)?;
        Ok(draft)
    }

    /// Whether nothing has been published yet: it is empty, or has its defaults. The caller must
    /// hold the lock.
    pub fn is_pristine(&self) -> bool {
        let newest = self.ring().head().sequence;
        let is_default = |record: RawRecord| Publication::is_default(&record.stamp);
        newest == self.base || self.record(newest).is_some_and(is_default)
    }

    /// The newest records that are whole, oldest first. The caller must hold the lock.
    pub fn records(&self) -> Vec<RawRecord> {
        let newest = self.ring().head().sequence;
        let oldest = newest.saturating_sub(u64::from(self.layout.slot_count)) + 1;
        let mut records = Vec::new();
        for sequence in (oldest.max(self.base + 1)..=newest).rev() {
            match self.record(sequence) {
                Some(record) => records.push(record),
                None => break,
            }
        }
        records.reverse();
        records
    }

    /// The record of a sequence, as the slot stores it. The caller must hold the lock.
    pub fn record(&self, sequence: u64) -> Option<RawRecord> {
        let mut bytes = Vec::new();
        let mut stamp = ring::StampWords::default();
        loop {
            if !self.ring().copy(sequence, &mut stamp, 0, &mut bytes) {
                return None;
            }
            let length = ring::length(&stamp);
            if !self.may_be_length(length) {
                return None;
            }
            if bytes.len() == length {
                let is_valid =
                    !self.layout.checksums || checksum::is_valid(sequence, &stamp, &bytes);
                return is_valid.then_some(RawRecord { stamp, bytes });
            }
            bytes.resize(length, 0);
        }
    }

    /// Whether a record of the board can have this length.
    pub fn may_be_length(&self, length: usize) -> bool {
        let size = self.layout.record_size;
        length == size || (length < size && self.schema.document().is_some())
    }

    /// The path of the segment.
    pub fn path(&self) -> &Path {
        &self.place.board
    }

    /// Maps the segment, unless it is mapped.
    fn map(&self) -> Result<&Mapping> {
        self.segment.map(&self.layout, self.access, self.path())
    }

    /// The ring of a board that was opened to write.
    #[inline]
    pub fn ring(&self) -> Ring<'_, Mapping> {
        Ring(self.mapping().expect("mapped when it was opened to write"))
    }

    /// The memory through which records are read; `None` while they are read by system calls.
    #[inline]
    pub fn mapping(&self) -> Option<&Mapping> {
        self.segment.mapping().filter(|_| self.access.is_trusting())
    }

    fn file_ring(&self) -> pread_ring::Ring<'_> {
        pread_ring::Ring {
            file: self.segment.file(),
            layout: &self.layout,
        }
    }

    /// The newest publication and whether the board is gone.
    #[inline]
    pub fn head(&self) -> Result<Head> {
        match self.mapping() {
            Some(mapping) => Ok(Ring(mapping).head()),
            None => self.head_unmapped(),
        }
    }

    /// Reads the head by a system call: always of a board that is never mapped, and once of any
    /// other, as a mapping costs more and many programs read only once.
    #[cold]
    fn head_unmapped(&self) -> Result<Head> {
        if self.access.is_trusting() && self.was_read.swap(true, Ordering::Relaxed) {
            return Ok(Ring(self.map()?).head());
        }
        self.head_in_file()
    }

    fn head_in_file(&self) -> Result<Head> {
        let head = self.file_ring().head();
        head.map_err(|error| read_failed(self.path(), &error))
    }

    /// Copies a publication; see `Ring::copy`.
    #[inline]
    pub fn copy(
        &self,
        sequence: u64,
        stamp: &mut ring::StampWords,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        match self.mapping() {
            Some(mapping) => Ok(Ring(mapping).copy(sequence, stamp, offset, bytes)),
            None => self.copy_from_file(sequence, stamp, offset, bytes),
        }
    }

    #[cold]
    fn copy_from_file(
        &self,
        sequence: u64,
        stamp: &mut ring::StampWords,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let copied = self.file_ring().copy(sequence, stamp, offset, bytes);
        copied.map_err(|error| read_failed(self.path(), &error))
    }

    /// Copies the newest publication, if it is the one from when the board was opened, and returns
    /// its sequence. A program that reads once then makes half as many calls.
    pub fn copy_opened(
        &self,
        stamp: &mut ring::StampWords,
        bytes: &mut [u8],
    ) -> Result<Option<u64>> {
        let opened = self.opened_head.swap(0, Ordering::Relaxed);
        if opened == 0 {
            return Ok(None);
        }
        let opened = Head::of(opened);
        let copied = self.file_ring().copy_newest(opened, stamp, bytes);
        let is_newest = copied.map_err(|error| read_failed(self.path(), &error))?;
        if is_newest {
            self.was_read.store(true, Ordering::Relaxed);
        }
        Ok(is_newest.then_some(opened.sequence))
    }

    /// The board's generation.
    pub fn generation(&self) -> u64 {
        let at = self.layout.generation_offset();
        if let Some(mapping) = self.mapping() {
            return mapping.word(at).load(Ordering::Relaxed);
        }
        let mut word = [0; WORD];
        let read = self.segment.file().read_exact_at(&mut word, at as u64);
        read.map_or(0, |()| u64::from_ne_bytes(word))
    }

    /// Stores the generation of a new writer. The caller must hold the lock.
    pub fn set_generation(&self, generation: u64) {
        let Ring(mapping) = self.ring();
        let word = mapping.word(self.layout.generation_offset());
        word.store(generation, Ordering::Relaxed);
    }

    /// Changes the file's permissions, if they differ.
    pub fn set_mode(&mut self, mode: u32) -> Result<()> {
        if self.status.st_mode & 0o7777 == mode {
            return Ok(());
        }
        fchmod(self.segment.file(), Mode::from_bits_truncate(mode))
            .map_err(|errno| Error::system(errno, "change the mode of", self.path()))?;
        self.status = self.segment.status(self.path())?;
        Ok(())
    }

    /// Whether the board's path still names this segment.
    pub fn is_current(&self) -> bool {
        names(self.path(), &self.status)
    }

    /// Whether the file has no name any more, as it was removed or replaced in any way. Only Pegel
    /// sets the mark in the head.
    pub fn is_removed(&self) -> Result<bool> {
        Ok(self.segment.status(self.path())?.st_nlink == 0)
    }

    /// Sleeps while the head is as seen, for at most `time`. The memory must be mapped, for the
    /// kernel to find the waiter.
    #[allow(clippy::cast_possible_truncation)] // the low half is what a futex compares
    pub fn sleep(&self, seen: Head, time: std::time::Duration) -> Result<()> {
        self.map()?.sleep(seen.word() as u32, time);
        Ok(())
    }

    /// Wakes all waiters. The caller must hold the lock.
    pub fn wake(&self) {
        let Ring(mapping) = self.ring();
        mapping.wake();
    }

    /// The error for a segment that the board's path no longer names.
    pub fn gone(&self) -> Error {
        let (name, path) = (&self.place.name, self.path().display());
        let message = format!("board {name} ({path}) was replaced or removed. Open it again.");
        Error::new(ErrorKind::Gone, message)
    }
}
