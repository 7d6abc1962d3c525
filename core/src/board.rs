//! A board: a segment whose bytes have been checked, with its schema, and how a new segment is
//! made.

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

use self::open::cut_off;
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

/// An open board. All sizes in it were checked once and are private since.
#[derive(Debug)]
pub struct Board {
    pub place: BoardPath,
    pub segment: Segment,
    pub schema: Arc<Schema>,
    pub layout: Layout,
    /// The sequence before this segment's first publication.
    pub base: u64,
    /// Sequences of boards with the same one can be compared.
    pub lineage: u64,
    /// Of the file when it was opened.
    pub status: FileStat,
    pub access: Access,
    was_looked_at: AtomicBool,
    /// The word of the head when the board was opened, until it is used; 0 if nothing can be read.
    opened_head: AtomicU64,
}

impl Board {
    /// `DENIED` for a mirror, which is written where it comes from.
    pub fn check_own(&self) -> Result<()> {
        if !self.layout.mirror {
            return Ok(());
        }
        let (name, path) = (&self.place.name, self.path().display());
        let message = format!(
            "board {name} ({path}) mirrors one of another machine; write that one, or remove this"
        );
        Err(Error::new(ErrorKind::Denied, message))
    }

    /// A new segment, not yet under its name.
    pub fn draft(
        place: &BoardPath,
        schema: &Schema,
        layout: &Layout,
        mode: u32,
        past: &Seed,
    ) -> Result<Draft> {
        let draft = Draft::new(&place.directory, mode, layout.segment_size)?;
        let write = |offset, bytes: &[u8]| draft.write(offset, bytes, &place.board);
        write_segment(schema, layout, past, write)?;
        Ok(draft)
    }

    /// Whether nobody has published yet: it is empty, or has its defaults. Only for the holder of
    /// the lock.
    pub fn is_pristine(&self) -> bool {
        let newest = self.ring().head().sequence;
        let is_default = |kept: RawRecord| Publication::is_default(&kept.stamp);
        newest == self.base || self.record(newest).is_some_and(is_default)
    }

    /// The newest records that are whole, oldest first; only for the holder of the lock.
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

    /// The record of a sequence as it stands there; only for the holder of the lock.
    pub fn record(&self, sequence: u64) -> Option<RawRecord> {
        let mut bytes = Vec::new();
        let mut stamp = ring::Stamp::default();
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

    /// Whether a record of the board can have so many bytes.
    pub fn may_be_length(&self, length: usize) -> bool {
        let size = self.layout.record_size;
        length == size || (length < size && self.schema.document().is_some())
    }

    /// The path of the segment.
    pub fn path(&self) -> &Path {
        &self.place.board
    }

    /// The segment's memory, which is mapped if it is not yet.
    fn map(&self) -> Result<&Mapping> {
        self.segment.map(&self.layout, self.access, self.path())
    }

    /// The ring in the segment of a board that was opened to write.
    #[inline]
    pub fn ring(&self) -> Ring<'_, Mapping> {
        Ring(self.mapping().expect("mapped when it was opened to write"))
    }

    /// The memory through which records are read: none as long as system calls do that.
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

    /// A first look, which costs less than a mapping does, and which is the only one of many
    /// programs; or one of those that are never made through a mapping.
    #[cold]
    fn head_unmapped(&self) -> Result<Head> {
        if self.access.is_trusting() && self.was_looked_at.swap(true, Ordering::Relaxed) {
            return Ok(Ring(self.map()?).head());
        }
        self.head_in_file()
    }

    fn head_in_file(&self) -> Result<Head> {
        let head = self.file_ring().head();
        head.map_err(|error| cut_off(self.path(), &error))
    }

    /// Copies a publication; see `Ring::copy`.
    #[inline]
    pub fn copy(
        &self,
        sequence: u64,
        stamp: &mut ring::Stamp,
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
        stamp: &mut ring::Stamp,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let copied = self.file_ring().copy(sequence, stamp, offset, bytes);
        copied.map_err(|error| cut_off(self.path(), &error))
    }

    /// Copies the newest publication, if it is still the one that was the newest when the board was
    /// opened, and returns its sequence: with half the calls that a program needs that reads once.
    pub fn copy_opened(&self, stamp: &mut ring::Stamp, bytes: &mut [u8]) -> Result<Option<u64>> {
        let opened = self.opened_head.swap(0, Ordering::Relaxed);
        if opened == 0 {
            return Ok(None);
        }
        let opened = Head::of(opened);
        let copied = self.file_ring().copy_newest(opened, stamp, bytes);
        let is_newest = copied.map_err(|error| cut_off(self.path(), &error))?;
        if is_newest {
            self.was_looked_at.store(true, Ordering::Relaxed);
        }
        Ok(is_newest.then_some(opened.sequence))
    }

    /// How many writers have taken the board.
    pub fn generation(&self) -> u64 {
        let at = self.layout.generation_offset();
        if let Some(mapping) = self.mapping() {
            return mapping.word(at).load(Ordering::Relaxed);
        }
        let mut word = [0; WORD];
        let read = self.segment.file().read_exact_at(&mut word, at as u64);
        read.map_or(0, |()| u64::from_ne_bytes(word))
    }

    /// Counts a writer. Only for the holder of the lock.
    pub fn set_generation(&self, generation: u64) {
        let Ring(mapping) = self.ring();
        let word = mapping.word(self.layout.generation_offset());
        word.store(generation, Ordering::Relaxed);
    }

    /// Changes the file's permissions, if they are others.
    pub fn set_mode(&mut self, mode: u32) -> Result<()> {
        if self.status.st_mode & 0o7777 == mode {
            return Ok(());
        }
        fchmod(self.segment.file(), Mode::from_bits_truncate(mode))
            .map_err(|errno| Error::system(errno, "change the mode of", self.path()))?;
        self.status = self.segment.status(self.path())?;
        Ok(())
    }

    /// Whether the board's name still stands for this segment.
    pub fn is_current(&self) -> bool {
        names(self.path(), &self.status)
    }

    /// Whether the file has no name any more: removed or replaced, by whatever way. The mark in the
    /// head is only made by those who know Pegel.
    pub fn is_removed(&self) -> Result<bool> {
        Ok(self.segment.status(self.path())?.st_nlink == 0)
    }

    /// Sleeps while the head is as seen, as long as `time` at most. Whoever sleeps has the memory
    /// mapped, for the kernel to find him.
    #[allow(clippy::cast_possible_truncation)] // the low half is what a futex compares
    pub fn sleep(&self, seen: Head, time: std::time::Duration) -> Result<()> {
        self.map()?.sleep(seen.word() as u32, time);
        Ok(())
    }

    /// Wakes all who sleep. Only for the holder of the lock.
    pub fn wake(&self) {
        let Ring(mapping) = self.ring();
        mapping.wake();
    }

    /// The error of one who holds a segment that the name no longer stands for.
    pub fn gone(&self) -> Error {
        let (name, path) = (&self.place.name, self.path().display());
        let message = format!("board {name} ({path}) was replaced or removed; open it again");
        Error::new(ErrorKind::Gone, message)
    }
}
