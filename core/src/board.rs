//! A board: a segment whose bytes have been checked, with its schema. The opening ladder, and how a
//! new segment is made.

pub mod cache;
pub mod condition;
pub mod copy;
pub mod durability;
pub mod follow;
pub mod info;
pub mod leftovers;
pub mod lifecycle;
pub mod mirror;
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

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytemuck::{bytes_of, pod_read_unaligned};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, fchmod};

use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::WORD;
use crate::ring::{self, Head, Ring};
use crate::schema::Schema;
use crate::schema::{FIELD_SIZE, MAX_DETAILS, MAX_FIELDS};
use crate::segment::checksum;
use crate::segment::layout::{
    BYTE_ORDER, CHECKSUMS, DURABLE, HEADER_SIZE, Header, LAYOUT_VERSION, Layout, MAGIC, MIRROR,
};
use crate::segment::path::BoardPath;
use crate::segment::pread_ring;
use crate::segment::seed::{RawRecord, Seed, header_of, write_segment};
use crate::segment::stamp::Publication;
use crate::segment::trust::{Access, names, open_trusted};
use crate::segment::{Draft, Mapping, Segment};

/// Of a file, what is read at once: all that most boards tell of themselves.
const START: usize = 1024;

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
    /// Opens what stands at a place. Each step of the ladder has its own error.
    pub fn open(place: BoardPath, access: Access) -> Result<Self> {
        let (file, status) = match open_trusted(&place.board, access) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent(&place)),
            opened => opened?,
        };
        Self::of(place, access, file, status)
    }

    /// The board in a file that was opened for this access.
    pub fn of(place: BoardPath, access: Access, file: File, status: FileStat) -> Result<Self> {
        let path = &place.board;
        let size = usize::try_from(status.st_size).unwrap_or(0);
        // By pread, not through a mapping: a file that shrinks meanwhile is then an error.
        let read = |offset: usize, bytes: &mut [u8]| {
            let read = file.read_exact_at(bytes, offset as u64);
            read.map_err(|error| cut_off(path, &error))
        };
        let too_few = || damaged(path, &format!("its {size} bytes are too few"));
        let (mut most, mut all) = ([0; START], Vec::new());
        let mut start = &mut most[..size.min(START)];
        read(0, start)?;
        let header = start.get(..HEADER_SIZE).ok_or_else(too_few)?;
        let header: Header = pod_read_unaligned(header);
        check_kind(path, &header)?;
        let fields = header.field_count as usize;
        let details = header.details_size as usize;
        if fields > MAX_FIELDS || details > MAX_DETAILS {
            let claim = format!("it claims {fields} fields and {details} bytes of details");
            return Err(damaged(path, &claim));
        }
        let end = HEADER_SIZE + fields * FIELD_SIZE + details;
        if end > size {
            return Err(too_few());
        }
        if end > start.len() {
            all.extend_from_slice(start);
            all.resize(end, 0);
            read(start.len(), &mut all[start.len()..])?;
            start = &mut all;
        }
        let (table, details) = start[HEADER_SIZE..end].split_at(fields * FIELD_SIZE);
        let schema = Schema::from_bytes(table, details)
            .map_err(|error| damaged(path, &format!("invalid fields: {error}")))?;
        let layout = Layout::new(
            fields,
            details.len(),
            schema.record_size(),
            header.slot_count,
            header.flags,
        )
        .ok_or_else(|| damaged(path, "its sizes are impossible"))?;
        // The header follows from the fields and the slots; one that says otherwise lies.
        let expected = header_of(&layout, &schema, header.base_sequence, header.lineage);
        if header.checksum != expected.checksum {
            return Err(damaged(path, "the checksum of its header is wrong"));
        }
        if bytes_of(&header) != bytes_of(&expected) {
            return Err(damaged(path, "its header contradicts its fields"));
        }
        if size != layout.segment_size {
            let expected = layout.segment_size;
            return Err(damaged(
                path,
                &format!("it has {size} bytes instead of {expected}"),
            ));
        }
        let board = Self {
            segment: Segment::new(file, &layout),
            schema: Arc::new(schema),
            layout,
            base: header.base_sequence,
            lineage: header.lineage,
            status,
            place,
            access,
            was_looked_at: AtomicBool::new(false),
            opened_head: AtomicU64::new(0),
        };
        let word = start.get(board.layout.control_offset..);
        let head = match word.and_then(<[u8]>::first_chunk) {
            Some(word) => Head::of(u64::from_ne_bytes(*word)),
            None => board.head_in_file()?,
        };
        if head.sequence < board.base {
            return Err(damaged(board.path(), "its sequence is below its first"));
        }
        if !head.gone && head.sequence > board.base {
            board.opened_head.store(head.word(), Ordering::Relaxed);
        }
        if matches!(access, Access::Write | Access::Tidy) {
            board.map()?;
        }
        Ok(board)
    }

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

    /// Whether nobody has published yet: it is empty, or has its defaults. Only for the holder of the
    /// lock.
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
                let is_right =
                    !self.layout.checksums || checksum::is_right(sequence, &stamp, &bytes);
                return is_right.then_some(RawRecord { stamp, bytes });
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

    /// A first look, which costs less than a mapping does, and which is the only one of many programs; or one of
    /// those that are never made through a mapping.
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

    /// Whether the file has no name any more: removed or replaced, by whatever way. The mark in the head is only made by
    /// those who know Pegel.
    pub fn is_removed(&self) -> Result<bool> {
        Ok(self.segment.status(self.path())?.st_nlink == 0)
    }

    /// Sleeps while the head is as seen, as long as `time` at most. Whoever sleeps has the memory mapped, for the
    /// kernel to find him.
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

fn cut_off(path: &Path, error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(errno) => Error::system(Errno::from_raw(errno), "read", path),
        None => damaged(path, "its end was cut off"),
    }
}

fn check_kind(path: &Path, header: &Header) -> Result<()> {
    if header.magic != MAGIC {
        return Err(damaged(path, "it is not a Pegel board"));
    }
    let unsupported = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
    let shown = path.display();
    if header.byte_order != BYTE_ORDER {
        return unsupported(format!(
            "{shown} was made on a machine of the other byte order"
        ));
    }
    if header.layout_version != LAYOUT_VERSION {
        let version = header.layout_version;
        return unsupported(format!(
            "{shown} has layout version {version}, and this Pegel reads {LAYOUT_VERSION}; \
             use the same version of Pegel for all programs that share it"
        ));
    }
    if header.flags & !(CHECKSUMS | DURABLE | MIRROR) != 0 {
        let flags = header.flags;
        return unsupported(format!(
            "{shown} has flags {flags:#x} that this Pegel does not know; use a later version"
        ));
    }
    Ok(())
}

fn damaged(path: &Path, reason: &str) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "{path} is damaged or no board: {reason}; remove it, or replace it by creating it anew"
        ),
    )
}

pub fn absent(place: &BoardPath) -> Error {
    let (name, path) = (&place.name, place.board.display());
    if !place.directory.is_dir() {
        return Error::system(Errno::ENOENT, "look for a board in", &place.directory);
    }
    let lasting = durable::path_for(place);
    let advice = if lasting.exists() {
        let lasting = lasting.display();
        format!("It can be restored from {lasting}: start its writer or `pegel keep`.")
    } else {
        "Start its writer, or check PEGEL_DIR.".to_owned()
    };
    let message = format!("no board {name}: {path} does not exist. {advice}");
    Error::new(ErrorKind::NotFound, message)
}
