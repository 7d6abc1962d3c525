//! What a new segment starts from, and how its bytes are written.

use bytemuck::{bytes_of, cast_slice};

use crate::ring::{self, Head};
use crate::schema::Schema;
use crate::segment::layout::{HEADER_SIZE, Header, Layout};
use crate::segment::stamp::Publication;
use crate::segment::{checksum, random};

/// What a new segment starts from: the numbers and the records of the board that it continues.
#[derive(Debug)]
pub struct Seed {
    /// The newest sequence.
    pub sequence: u64,
    pub generation: u64,
    pub lineage: u64,
    /// The newest records, oldest first; the last one has the newest sequence.
    pub records: Vec<RawRecord>,
}

impl Seed {
    /// The seed of a new board.
    pub fn fresh() -> Self {
        Self {
            sequence: 0,
            generation: 0,
            lineage: random(),
            records: Vec::new(),
        }
    }

    /// The same, restored from a file.
    pub fn restored(mut self) -> Self {
        for record in &mut self.records {
            record.stamp = Publication::restored(record.stamp);
        }
        self
    }
}

/// A record with its stamp, as a slot stores them.
#[derive(Debug)]
pub struct RawRecord {
    pub stamp: ring::StampWords,
    pub bytes: Vec<u8>,
}

/// Writes everything of a segment that is not zero.
pub fn write_segment<E>(
    schema: &Schema,
    layout: &Layout,
    seed: &Seed,
    write: impl Fn(usize, &[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let head = Head {
        sequence: seed.sequence,
        gone: false,
    };
    let base = seed.sequence - seed.records.len() as u64;
    let header = header_of(layout, schema, base, seed.lineage);
    write(0, bytes_of(&header))?;
    write(HEADER_SIZE, &schema.table())?;
    write(layout.details_offset(), schema.details().as_bytes())?;
    write(layout.control_offset, &head.word().to_ne_bytes())?;
    write(layout.generation_offset(), &seed.generation.to_ne_bytes())?;
    for (sequence, record) in (base + 1..).zip(&seed.records) {
        write(layout.slot_offset(sequence), &record.bytes)?;
        let mut stamp = record.stamp;
        if layout.checksums {
            checksum::seal(sequence, &mut stamp, &record.bytes);
        }
        write(layout.stamp_offset(sequence), cast_slice(&stamp))?;
    }
    Ok(())
}

/// The header of a segment, with a checksum if its records have them.
pub fn header_of(layout: &Layout, schema: &Schema, base: u64, lineage: u64) -> Header {
    let mut header = layout.header(schema.hash(), base, lineage);
    if layout.checksums {
        let details = schema.details().as_bytes();
        header.checksum = checksum::of_header(&header, &schema.table(), details);
    }
    header
}
