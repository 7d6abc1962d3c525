//! The two slots of a durable file, of which one has a whole record on disk whenever the power
//! fails.
//!
//! Each slot has one record with a checksum. The next record overwrites the older slot, and is
//! flushed. It does not matter which parts of it are on disk when the power fails: the checksum is
//! wrong until all of them are, and the other slot, to which nothing was written, is used instead.
//! (A checksum of 32 bits accepts one torn record in four thousand million.)
//!
//! The other slot must itself be on disk. That is not certain if a process was killed before its
//! flush returned: the record is in the page cache, where every process reads it, but may not be on
//! disk. So a process that has not itself flushed the newest record flushes it before it writes the
//! next one. After a failed flush, the kernel may take pages for written that are not. So the
//! record is written to the page cache again, and the next flush includes it.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytemuck::{Pod, Zeroable, bytes_of, pod_read_unaligned};
use nix::errno::Errno;

use crate::error::{Error, ErrorKind, Result};
use crate::ring::{self, MAX_SEQUENCE};
use crate::segment;
use crate::segment::seed::{RawRecord, Seed};

/// The alignment of slots, a multiple of the page size of every machine, as the kernel writes
/// pages.
pub const PAGE: usize = 1 << 16;

/// The start of a slot; the record follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Start {
    /// The checksum of the header's checksum, of the members after it, and of the record.
    checksum: u32,
    /// 0 while nothing has been published, else 1.
    records: u32,
    sequence: u64,
    /// The generation of the board.
    generation: u64,
    /// The stamp as in the ring, without its checksum.
    stamp: ring::StampWords,
}

const START: usize = size_of::<Start>();
const CHECKSUM: usize = size_of::<u32>();

const _: () = assert!(START == 72);

/// The disk of a durable file.
pub trait Disk {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything that was written is on disk.
    fn flush(&self) -> io::Result<()>;
}

impl Disk for File {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        segment::check_limit(offset.saturating_add(bytes.len() as u64))?;
        self.write_all_at(bytes, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Where the slots are, and what they can have.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// The offset of the first slot.
    pub offset: usize,
    /// The maximum size of a record in bytes.
    pub record_size: usize,
    /// Whether records may be shorter.
    pub is_document: bool,
    /// The header's checksum, so that the slot of another file is not valid.
    pub header_checksum: u32,
    pub lineage: u64,
}

impl Geometry {
    /// The size of a slot in bytes.
    pub fn slot_size(&self) -> usize {
        (START + self.record_size).next_multiple_of(PAGE)
    }

    /// The size of the file in bytes.
    pub fn file_size(&self) -> usize {
        self.offset + 2 * self.slot_size()
    }

    /// The bytes of a slot with the newest record of a seed.
    pub fn slot(&self, seed: &Seed) -> Vec<u8> {
        let record = seed.records.last();
        let mut start = Start {
            records: u32::from(record.is_some()),
            sequence: seed.sequence,
            generation: seed.generation,
            stamp: record.map_or_else(ring::StampWords::default, |record| record.stamp),
            ..Start::zeroed()
        };
        let bytes = record.map_or(&[][..], |record| &record.bytes);
        start.checksum = self.checksum(&start, bytes);
        [bytes_of(&start), bytes].concat()
    }

    fn checksum(&self, start: &Start, record: &[u8]) -> u32 {
        let mut hasher = self.hasher(start);
        hasher.update(record);
        hasher.finalize()
    }

    /// The hasher of a checksum, before the record.
    fn hasher(&self, start: &Start) -> crc32fast::Hasher {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.header_checksum.to_ne_bytes());
        hasher.update(&bytes_of(start)[CHECKSUM..]);
        hasher
    }

    /// Whether the numbers of a slot can be right.
    fn is_possible(&self, start: &Start) -> bool {
        let length = ring::length(&start.stamp);
        let is_record = match start.records {
            0 => length == 0,
            1 => length == self.record_size || (length < self.record_size && self.is_document),
            _ => false,
        };
        is_record && (u64::from(start.records)..=MAX_SEQUENCE).contains(&start.sequence)
    }
}

/// What a slot holds.
enum SlotState {
    /// Nothing was ever written.
    Empty,
    /// A record that is torn by a power failure, or damaged.
    Torn,
    /// The disk reports an error: the record may be whole, and the newer one.
    Unreadable(io::Error),
    Valid(Start),
}

/// The slots of a file.
pub struct Slots<'a, D> {
    pub disk: &'a D,
    pub geometry: &'a Geometry,
    pub path: &'a Path,
}

impl<D: Disk> Slots<'_, D> {
    /// The newer record.
    pub fn newest(&self) -> Result<Seed> {
        let (slot, start) = self.newer(&self.readable()?)?;
        self.read(slot, &start)
    }

    /// The sequence and the stamp of the newer record, which is not read into memory.
    pub fn newest_stamp(&self) -> Result<(u64, Option<ring::StampWords>)> {
        let (_, start) = self.newer(&self.readable()?)?;
        Ok((start.sequence, (start.records == 1).then_some(start.stamp)))
    }

    /// Writes the newest record of a seed to the older slot, unless the newer one is as new, and
    /// returns the sequence that is on disk then. The caller must hold the lock.
    ///
    /// `flushed` is the sequence that this returned to the caller before. `sync_parent` puts the
    /// name of the file on disk.
    pub fn sync(
        &self,
        seed: &Seed,
        flushed: Option<u64>,
        sync_parent: impl FnOnce() -> Result<()>,
    ) -> Result<u64> {
        // The caller has a record as new as any in the file, so a slot that cannot be read is
        // written anew, which also makes a disk replace a bad sector.
        let states = [self.look(0), self.look(1)];
        let is_first = matches!(states[1], SlotState::Empty);
        let (newer, newest) = self.newer(&states)?;
        if flushed != Some(newest.sequence) {
            self.flush(newer, &self.geometry.slot(&self.read(newer, &newest)?))?;
        }
        // A process that writes the second slot for the first time has called this.
        if is_first {
            sync_parent()?;
        }
        if newest.sequence == seed.sequence && !is_same(&self.read(newer, &newest)?, seed) {
            return Err(self.foreign(seed.sequence));
        }
        if newest.sequence >= seed.sequence {
            return Ok(newest.sequence);
        }
        let (older, bytes) = (1 - newer, self.geometry.slot(seed));
        self.write(older, &bytes)?;
        self.flush(older, &bytes)?;
        Ok(seed.sequence)
    }

    /// Both slots. An error while one cannot be read, as it may hold the newer record.
    fn readable(&self) -> Result<[SlotState; 2]> {
        let states = [self.look(0), self.look(1)];
        match &states {
            [SlotState::Unreadable(error), _] | [_, SlotState::Unreadable(error)] => {
                Err(self.unreadable(error))
            }
            _ => Ok(states),
        }
    }

    /// The slot of the newer record, and its start.
    fn newer(&self, states: &[SlotState; 2]) -> Result<(usize, Start)> {
        match states {
            [SlotState::Valid(first), SlotState::Valid(second)]
                if first.sequence < second.sequence =>
            {
                Ok((1, *second))
            }
            [SlotState::Valid(first), _] => Ok((0, *first)),
            [_, SlotState::Valid(second)] => Ok((1, *second)),
            [SlotState::Unreadable(error), _] | [_, SlotState::Unreadable(error)] => {
                Err(self.unreadable(error))
            }
            _ => Err(self.damaged()),
        }
    }

    fn offset(&self, slot: usize) -> u64 {
        (self.geometry.offset + slot * self.geometry.slot_size()) as u64
    }

    fn look(&self, slot: usize) -> SlotState {
        let mut start = [0; START];
        if let Err(error) = self.read_at(self.offset(slot), &mut start) {
            return SlotState::Unreadable(error);
        }
        if start == [0; START] {
            return SlotState::Empty;
        }
        let start: Start = pod_read_unaligned(&start);
        if !self.geometry.is_possible(&start) {
            return SlotState::Torn;
        }
        match self.checksum(slot, &start) {
            Err(error) => SlotState::Unreadable(error),
            Ok(checksum) if checksum == start.checksum => SlotState::Valid(start),
            Ok(_) => SlotState::Torn,
        }
    }

    /// Reads once more after an error, which many disks report only once.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let read = self.disk.read(offset, bytes);
        read.or_else(|_| self.disk.read(offset, bytes))
    }

    /// The checksum of a slot's record, piece by piece, as the length in a sparse file can exceed
    /// memory.
    fn checksum(&self, slot: usize, start: &Start) -> io::Result<u32> {
        let mut hasher = self.geometry.hasher(start);
        let mut offset = self.offset(slot) + START as u64;
        let mut left = ring::length(&start.stamp);
        let mut piece = vec![0; left.min(PAGE)];
        while left > 0 {
            piece.truncate(left);
            self.read_at(offset, &mut piece)?;
            hasher.update(&piece);
            offset += piece.len() as u64;
            left -= piece.len();
        }
        Ok(hasher.finalize())
    }

    /// Reads the record of a valid slot.
    fn read(&self, slot: usize, start: &Start) -> Result<Seed> {
        let length = ring::length(&start.stamp);
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(length).is_err() {
            return Err(Error::system(Errno::ENOMEM, "read", self.path));
        }
        bytes.resize(length, 0);
        let offset = self.offset(slot) + START as u64;
        let read = self.read_at(offset, &mut bytes);
        read.map_err(|error| self.unreadable(&error))?;
        if start.checksum != self.geometry.checksum(start, &bytes) {
            return Err(self.damaged());
        }
        let record = RawRecord {
            stamp: start.stamp,
            bytes,
        };
        Ok(Seed {
            sequence: start.sequence,
            generation: start.generation,
            lineage: self.geometry.lineage,
            records: Vec::from_iter((start.records == 1).then_some(record)),
        })
    }

    fn write(&self, slot: usize, bytes: &[u8]) -> Result<()> {
        let written = self.disk.write(self.offset(slot), bytes);
        written.map_err(|error| Error::io(&error, "write", self.path))
    }

    /// Flushes what was written to a slot.
    fn flush(&self, slot: usize, bytes: &[u8]) -> Result<()> {
        self.disk.flush().map_err(|error| {
            let _again = self.write(slot, bytes);
            Error::io(&error, "write to the disk", self.path)
        })
    }

    fn foreign(&self, sequence: u64) -> Error {
        let path = self.path.display();
        let message = format!(
            "{path}: the file was replaced: its sequence {sequence} has another record than the \
             board's. Publish again to keep the board's, or run `pegel load {path} --replace` to \
             restore the file's."
        );
        Error::new(ErrorKind::Untrusted, message)
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let path = self.path.display();
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
        let message = format!(
            "{path}: a record that may be the newest cannot be read (got {}). Try again, or \
             restore what can be read: `dd if={path} of=COPY bs=4096 conv=noerror,sync`, `pegel \
             load COPY --replace`.",
            errno.desc()
        );
        Error::new(ErrorKind::System, message)
    }

    fn damaged(&self) -> Error {
        let path = self.path.display();
        let message = format!(
            "{path}: the file is damaged: neither of its records is whole. Put a copy in its slot, \
             or move it away to begin anew."
        );
        Error::new(ErrorKind::Corrupt, message)
    }
}

/// Whether two records are of one publication. Their times are not compared, as restoring a record
/// changes its time, and each sync changes the offset to wall time.
fn is_same(one: &Seed, other: &Seed) -> bool {
    let [one, other] = [one, other].map(|seed| {
        let record = seed.records.last()?;
        let [_, _, _, others @ ..] = record.stamp;
        Some((others, &record.bytes))
    });
    one == other
}
