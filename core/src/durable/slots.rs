//! The two places of a durable file, and how a record gets into one of them: so that a whole one is on the disk at
//! every moment, whenever the power fails.
//!
//! Each place has one record, under a checksum. The next one is written over the older of the two, then flushed. What
//! of that is on the disk when the power fails, and in which order it got there, does not matter: the checksum is
//! wrong until all of it is there, and then the other place is taken, of which nothing was written meanwhile. (A
//! checksum of 32 bits takes one torn record in four thousand million for a whole one.)
//!
//! That rests on the other place being on the disk itself, which is not certain of what a process wrote that was killed
//! before its flush had returned: all others see it, as memory has it, but the disk may not. So whoever did not flush
//! the newest record himself flushes it before he writes. And where a flush failed, memory has what the disk has not,
//! while the kernel holds it for written: so it is written to memory again, for the next flush to fail or to succeed.

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

/// Places begin on pages of their own, on every machine: the kernel writes pages.
pub const PAGE: usize = 1 << 16;

/// What a place begins with; the record follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Start {
    /// Of the head's checksum, of what follows in here, and of the record.
    checksum: u32,
    /// 0 while nothing has been published, else 1.
    records: u32,
    sequence: u64,
    /// How many writers had taken the board.
    generation: u64,
    /// As in a slot, without its checksum.
    stamp: ring::Stamp,
}

const START: usize = size_of::<Start>();
const CHECKSUM: usize = size_of::<u32>();

const _: () = assert!(START == 72);

/// What a durable file is on.
pub trait Disk {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all that was written is on the disk.
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

/// Where the places are, and what they hold.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Where the first one begins.
    pub offset: usize,
    /// Bytes of the longest record.
    pub record_size: usize,
    /// Whether records may be shorter.
    pub is_document: bool,
    /// Of the head: no place of another file will do.
    pub head_checksum: u32,
    pub lineage: u64,
}

impl Geometry {
    /// Bytes of a place.
    pub fn place_size(&self) -> usize {
        (START + self.record_size).next_multiple_of(PAGE)
    }

    /// Bytes of the file.
    pub fn file_size(&self) -> usize {
        self.offset + 2 * self.place_size()
    }

    /// The bytes of a place that has the newest record of a past.
    pub fn place(&self, past: &Seed) -> Vec<u8> {
        let record = past.records.last();
        let mut start = Start {
            records: u32::from(record.is_some()),
            sequence: past.sequence,
            generation: past.generation,
            stamp: record.map_or_else(ring::Stamp::default, |kept| kept.stamp),
            ..Start::zeroed()
        };
        let bytes = record.map_or(&[][..], |kept| &kept.bytes);
        start.checksum = self.checksum(&start, bytes);
        [bytes_of(&start), bytes].concat()
    }

    fn checksum(&self, start: &Start, record: &[u8]) -> u32 {
        let mut hasher = self.hasher(start);
        hasher.update(record);
        hasher.finalize()
    }

    /// Of a checksum, before the record.
    fn hasher(&self, start: &Start) -> crc32fast::Hasher {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.head_checksum.to_ne_bytes());
        hasher.update(&bytes_of(start)[CHECKSUM..]);
        hasher
    }

    /// Whether the numbers of a place can be right.
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
    /// A record that a power failure cut short, or that the disk has changed.
    Torn,
    /// The disk reports an error: the record may be whole, and the newer one.
    Unreadable(io::Error),
    Valid(Start),
}

/// The places of a file.
pub struct Slots<'a, D> {
    pub disk: &'a D,
    pub form: &'a Geometry,
    pub path: &'a Path,
}

impl<D: Disk> Slots<'_, D> {
    /// The newer record.
    pub fn newest(&self) -> Result<Seed> {
        let (place, start) = self.newer(&self.readable()?)?;
        self.read(place, &start)
    }

    /// The sequence and the stamp of the newer record, which may be longer than there is memory.
    pub fn newest_stamp(&self) -> Result<(u64, Option<ring::Stamp>)> {
        let (_, start) = self.newer(&self.readable()?)?;
        Ok((start.sequence, (start.records == 1).then_some(start.stamp)))
    }

    /// Puts the newest record of a past into the older place, unless one as new is in the newer; says which is on the
    /// disk then. Only for the holder of the lock.
    ///
    /// `flushed` is the sequence of which the caller knows that it is on the disk, as this told him. `sync_parent` sees
    /// to it that the file itself is.
    pub fn sync(
        &self,
        past: &Seed,
        flushed: Option<u64>,
        sync_parent: impl FnOnce() -> Result<()>,
    ) -> Result<u64> {
        // The caller has a record as new as any in the file, so a slot that cannot be read is written
        // anew, which also makes a disk replace a bad sector.
        let states = [self.look(0), self.look(1)];
        let is_first = matches!(states[1], SlotState::Empty);
        let (newer, newest) = self.newer(&states)?;
        if flushed != Some(newest.sequence) {
            self.flush(newer, &self.form.place(&self.read(newer, &newest)?))?;
        }
        // The second place is first written to by one who has done that.
        if is_first {
            sync_parent()?;
        }
        if newest.sequence == past.sequence && !is_same(&self.read(newer, &newest)?, past) {
            return Err(self.foreign(past.sequence));
        }
        if newest.sequence >= past.sequence {
            return Ok(newest.sequence);
        }
        let (older, bytes) = (1 - newer, self.form.place(past));
        self.write(older, &bytes)?;
        self.flush(older, &bytes)?;
        Ok(past.sequence)
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

    fn offset(&self, place: usize) -> u64 {
        (self.form.offset + place * self.form.place_size()) as u64
    }

    fn look(&self, place: usize) -> SlotState {
        let mut start = [0; START];
        if let Err(error) = self.read_at(self.offset(place), &mut start) {
            return SlotState::Unreadable(error);
        }
        if start == [0; START] {
            return SlotState::Empty;
        }
        let start: Start = pod_read_unaligned(&start);
        if !self.form.is_possible(&start) {
            return SlotState::Torn;
        }
        match self.checksum(place, &start) {
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

    /// Of what stands in a place, piece by piece: a file with a hole claims more than there is memory.
    fn checksum(&self, place: usize, start: &Start) -> io::Result<u32> {
        let mut hasher = self.form.hasher(start);
        let mut offset = self.offset(place) + START as u64;
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

    /// The record in a place that was found whole.
    fn read(&self, place: usize, start: &Start) -> Result<Seed> {
        let length = ring::length(&start.stamp);
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(length).is_err() {
            return Err(Error::system(Errno::ENOMEM, "read", self.path));
        }
        bytes.resize(length, 0);
        let offset = self.offset(place) + START as u64;
        let read = self.read_at(offset, &mut bytes);
        read.map_err(|error| self.unreadable(&error))?;
        if start.checksum != self.form.checksum(start, &bytes) {
            return Err(self.damaged());
        }
        let kept = RawRecord {
            stamp: start.stamp,
            bytes,
        };
        Ok(Seed {
            sequence: start.sequence,
            generation: start.generation,
            lineage: self.form.lineage,
            records: Vec::from_iter((start.records == 1).then_some(kept)),
        })
    }

    fn write(&self, place: usize, bytes: &[u8]) -> Result<()> {
        let written = self.disk.write(self.offset(place), bytes);
        written.map_err(|error| Error::io(&error, "write", self.path))
    }

    /// Flushes what was written to a place.
    fn flush(&self, place: usize, bytes: &[u8]) -> Result<()> {
        self.disk.flush().map_err(|error| {
            let _again = self.write(place, bytes);
            Error::io(&error, "write to the disk", self.path)
        })
    }

    fn foreign(&self, sequence: u64) -> Error {
        let path = self.path.display();
        let message = format!(
            "{path}: the file was replaced: it has sequence {sequence} with another record than the board. \
             Publish once more to keep the board's, or run `pegel load {path} --replace` to restore the file's."
        );
        Error::new(ErrorKind::Untrusted, message)
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let path = self.path.display();
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
        let message = format!(
            "{path}: a record that may be the newest cannot be read (got {}). Try again, or restore what \
             can be read: `dd if={path} of=COPY bs=4096 conv=noerror,sync`, `pegel load COPY --replace`.",
            errno.desc()
        );
        Error::new(ErrorKind::System, message)
    }

    fn damaged(&self) -> Error {
        let path = self.path.display();
        let message = format!(
            "{path}: the file is damaged, neither of its records is whole. Put a copy in its place, or \
             move it away to begin anew."
        );
        Error::new(ErrorKind::Corrupt, message)
    }
}

/// Whether two are of one publication: the words of its time are others once it has come back, and the wall clock is
/// taken anew by each sync.
fn is_same(one: &Seed, other: &Seed) -> bool {
    let [one, other] = [one, other].map(|past| {
        let kept = past.records.last()?;
        let [_, _, _, what @ ..] = kept.stamp;
        Some((what, &kept.bytes))
    });
    one == other
}
