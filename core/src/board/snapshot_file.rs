//! Snapshot files: a board's newest records in a file on any file system, from which a board can be
//! made again. Such a file is a board with checksums (docs/format.md) that has no writer.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::board::Board;
use crate::board::reader::Reader;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use crate::ring;
use crate::schema::Schema;
use crate::segment::checksum;
use crate::segment::layout::Layout;
use crate::segment::path::BoardPath;
use crate::segment::removal::hidden;
use crate::segment::seed::{RawRecord, Seed, write_segment};
use crate::segment::stamp::Publication;
use crate::segment::sync_directory;
use crate::segment::trust::{Access, open_trusted};

impl Reader {
    /// Saves the records that the ring holds, with their sequences and times, for
    /// [`crate::restore`]. Then `file` is complete and on disk, or, after an error, as it was
    /// before.
    pub fn save(&self, file: &Path) -> Result<()> {
        let board = self.inner();
        if self.has_view() {
            return Self::at(board.place.clone(), board.access)?.save(file);
        }
        let layout = Layout {
            checksums: true,
            ..board.layout
        };
        let seed = Seed {
            generation: board.generation(),
            lineage: board.lineage,
            ..self.seed()?
        };
        // Only users who can read the board should be able to read the file.
        write_file(file, 0o600, |file| {
            write_records(file, &board.schema, &layout, &seed)
        })
    }

    /// The records that the ring holds, without a gap, as the slots store them.
    pub(crate) fn seed(&self) -> Result<Seed> {
        let board = self.inner();
        let newest = self.head()?.sequence;
        let mut records: Vec<RawRecord> = Vec::new();
        let mut after = board.base;
        while after < newest {
            let (publication, bytes) = self.whole(|record| self.copy_after_into(after, record))?;
            if publication.missed > 0 {
                records.clear();
            }
            records.push(RawRecord {
                stamp: publication.stamp,
                bytes,
            });
            after = publication.sequence;
        }
        // Records that the writer published meanwhile are included.
        Ok(Seed {
            sequence: after.max(newest),
            generation: 0,
            lineage: 0,
            records,
        })
    }

    /// Whether a slot has a record of this sequence, whatever the head is.
    fn holds(&self, sequence: u64) -> Result<bool> {
        let board = self.inner();
        let mut stamp = ring::StampWords::default();
        let mut bytes = vec![0; board.layout.record_size];
        let _newer = board.copy(sequence, &mut stamp, 0, &mut bytes)?;
        let length = ring::length(&stamp);
        Ok(board.may_be_length(length) && checksum::is_valid(sequence, &stamp, &bytes[..length]))
    }
}

/// The contents of a snapshot file, or of a copy of a durable file.
pub struct SnapshotFile {
    pub schema: Schema,
    pub slots: u32,
    pub seed: Seed,
    pub durable: bool,
    pub checksum: bool,
    /// The board's permissions, or 0 if they are not known.
    pub mode: u32,
}

/// Reads a snapshot file, or a copy of a durable file; `CORRUPT` if it is neither, or a bit has
/// changed.
pub fn read(file: &Path) -> Result<SnapshotFile> {
    let (opened, status) = open_trusted(file, Access::ReadUntrusted)?;
    let mut magic = [0; durable::MAGIC.len()];
    if opened.read_exact_at(&mut magic, 0).is_ok() && magic == durable::MAGIC {
        let (header, seed) = durable::read_copy(file)?;
        return Ok(SnapshotFile {
            schema: header.schema,
            seed,
            slots: header.layout.slot_count,
            durable: true,
            checksum: header.layout.checksums,
            mode: header.mode,
        });
    }
    let place = BoardPath {
        board: file.to_owned(),
        ..BoardPath::parse("snapshot")?
    };
    let board = Board::of(place, Access::ReadUntrusted, opened, status)?;
    let (layout, schema) = (board.layout, board.schema.clone());
    if !layout.checksums {
        let file = file.display();
        let message = format!("{file} is a board, but not a snapshot file: it has no checksums");
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    let lineage = board.lineage;
    let reader = Reader::of_snapshot(board);
    let seed = reader.seed()?;
    // No checksum covers the head; but no record may follow the newest one.
    if reader.holds(seed.sequence + 1)? {
        let file = file.display();
        let message =
            format!("{file} is damaged: it has records after its newest one. Save it anew.");
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    let generation = seed.records.last();
    let generation = generation.map_or(0, |record| Publication::generation_of(&record.stamp));
    Ok(SnapshotFile {
        schema: Schema::clone(&schema),
        slots: layout.slot_count,
        seed: Seed {
            generation,
            lineage,
            ..seed.restored()
        },
        durable: layout.durable,
        checksum: false,
        mode: 0,
    })
}

/// Writes a whole file: afterwards it is complete and on disk, or as it was before. A link of that
/// name is replaced, and not followed, as another user may have put it there.
pub fn write_file(
    file: &Path,
    mode: u32,
    write: impl FnOnce(&File) -> io::Result<()>,
) -> Result<()> {
    let failed = |error: io::Error| Error::io(&error, "write", file);
    // A rename needs the same directory. The name is random, so that no other user can take it
    // before.
    let draft = hidden(file);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let created = options.open(&draft).map_err(failed)?;
    let done = write(&created)
        .and_then(|()| created.sync_all())
        .and_then(|()| fs::rename(&draft, file))
        .and_then(|()| sync_directory(file));
    done.map_err(|error| {
        let _gone = fs::remove_file(&draft);
        failed(error)
    })
}

fn write_records(file: &File, schema: &Schema, layout: &Layout, seed: &Seed) -> io::Result<()> {
    file.set_len(layout.segment_size as u64)?;
    write_segment(schema, layout, seed, |offset, bytes| {
        file.write_all_at(bytes, offset as u64)
    })
}
