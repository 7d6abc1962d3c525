//! The bytes of a segment: what is where, and the arithmetic for it.
//!
//! A segment is a header, the field table, the details, a control block and the slots:
//!
//! ```text
//! 0                 header, 128 bytes
//! 128               field table, 64 bytes a field
//! 128 + 64 x fields details, JSON, padded with zeros to a multiple of 64
//! control_offset    head, alone on its cache line
//! control_offset+64 generation, alone on its cache line
//! slots_offset      slot_count slots of slot_size bytes: payload, then stamp
//! ```
//!
//! All offsets and sizes follow from four numbers: fields, bytes of details, record size and slots.
//! No stored offset is trusted: a segment whose header differs from the computed one is damaged.
//! `docs/format.md` is the specification for other implementations.

use bytemuck::{Pod, Zeroable};

use crate::ring::{STAMP_WORDS, WORD};
use crate::schema::{FIELD_SIZE, MAX_DETAILS, MAX_FIELDS, MAX_RECORD};

/// The first eight bytes. The control characters detect a transfer in text mode, as PNG's do.
pub const MAGIC: [u8; 8] = *b"PEGEL\x1a\r\n";
/// The version of these bytes; independent of the package's and the ABI's.
pub const LAYOUT_VERSION: u32 = 2;
/// Another number on a machine of the other byte order.
pub const BYTE_ORDER: u32 = 0x0102_0304;

/// Words that different processes write are on separate cache lines.
pub const CACHE_LINE: usize = 64;
/// The smallest ring: two slots are ones that a reader must not be in.
pub const MIN_SLOTS: u32 = 4;
/// The largest ring.
pub const MAX_SLOTS: u32 = 1 << 16;

/// In the header's flags: stamps carry checksums.
pub const CHECKSUMS: u32 = 1;
/// In the header's flags: the board has a durable file.
pub const DURABLE: u32 = 2;
/// In the header's flags: the board is a mirror.
pub const MIRROR: u32 = 4;

/// Bytes of the control block, which ends where the slots begin.
pub const CONTROL_SIZE: usize = 2 * CACHE_LINE;

/// The header in the file, in the machine's byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Header {
    pub magic: [u8; 8],
    pub layout_version: u32,
    pub byte_order: u32,
    pub segment_size: u64,
    pub control_offset: u32,
    pub slots_offset: u32,
    pub slot_count: u32,
    pub slot_size: u32,
    pub record_size: u32,
    pub field_count: u32,
    pub schema_hash: u64,
    /// The sequence before the first publication: the last one of the board that this one replaced,
    /// or 0.
    pub base_sequence: u64,
    pub details_size: u32,
    /// Options of the board, as bits.
    pub flags: u32,
    /// Random for a new board, and kept by the segments that replace it: sequences of one lineage
    /// can be compared.
    pub lineage: u64,
    /// Of the header before it, the field table and the details, if stamps carry checksums; else 0.
    pub checksum: u32,
    pub reserved_word: u32,
    pub reserved: [u64; 5],
}

/// Bytes of the header.
pub const HEADER_SIZE: usize = size_of::<Header>();

const _: () = {
    assert!(HEADER_SIZE == 128);
    assert!(std::mem::offset_of!(Header, segment_size) == 16);
    assert!(std::mem::offset_of!(Header, control_offset) == 24);
    assert!(std::mem::offset_of!(Header, record_size) == 40);
    assert!(std::mem::offset_of!(Header, schema_hash) == 48);
    assert!(std::mem::offset_of!(Header, base_sequence) == 56);
    assert!(std::mem::offset_of!(Header, details_size) == 64);
    assert!(std::mem::offset_of!(Header, flags) == 68);
    assert!(std::mem::offset_of!(Header, lineage) == 72);
    assert!(std::mem::offset_of!(Header, checksum) == 80);
};

/// Where everything is: computed, never read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub record_size: usize,
    pub field_count: usize,
    pub details_size: usize,
    pub slot_count: u32,
    pub slot_size: usize,
    pub control_offset: usize,
    pub slots_offset: usize,
    pub segment_size: usize,
    /// Whether stamps carry checksums.
    pub checksums: bool,
    /// Whether the board has a durable file.
    pub durable: bool,
    /// Whether the board is a mirror.
    pub mirror: bool,
}

impl Layout {
    /// `None` if a number is outside its limits, or the segment exceeds the address space.
    pub fn new(
        field_count: usize,
        details_size: usize,
        record_size: usize,
        slot_count: u32,
        flags: u32,
    ) -> Option<Self> {
        let within = (1..=MAX_FIELDS).contains(&field_count)
            && details_size <= MAX_DETAILS
            && (1..=MAX_RECORD).contains(&record_size)
            && (MIN_SLOTS..=MAX_SLOTS).contains(&slot_count)
            && slot_count.is_power_of_two();
        if !within {
            return None;
        }
        let slot_size =
            (record_size.next_multiple_of(WORD) + STAMP_WORDS * WORD).next_multiple_of(CACHE_LINE);
        let details_offset = HEADER_SIZE + field_count * FIELD_SIZE;
        let control_offset = (details_offset + details_size).next_multiple_of(CACHE_LINE);
        let slots_offset = control_offset + CONTROL_SIZE;
        let ring_size = slot_size.checked_mul(slot_count as usize)?;
        let segment_size = slots_offset.checked_add(ring_size)?;
        isize::try_from(segment_size).is_ok().then_some(Self {
            record_size,
            field_count,
            details_size,
            slot_count,
            slot_size,
            control_offset,
            slots_offset,
            segment_size,
            checksums: flags & CHECKSUMS != 0,
            durable: flags & DURABLE != 0,
            mirror: flags & MIRROR != 0,
        })
    }

    /// The header's flags.
    pub fn flags(&self) -> u32 {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        flag(self.checksums, CHECKSUMS) | flag(self.durable, DURABLE) | flag(self.mirror, MIRROR)
    }

    /// Where the details begin.
    pub fn details_offset(&self) -> usize {
        HEADER_SIZE + self.field_count * FIELD_SIZE
    }

    /// Where the slot of a sequence begins.
    #[allow(clippy::cast_possible_truncation)] // less than the number of slots
    pub fn slot_offset(&self, sequence: u64) -> usize {
        let index = sequence & u64::from(self.slot_count - 1);
        self.slots_offset + index as usize * self.slot_size
    }

    /// The slots of a board by default: more for small records, whose readers are lapped soonest,
    /// fewer for large ones, which take memory. `cargo bench --bench starvation` measures it: while
    /// a writer does nothing but publish, a reader of such a ring retries a few times at worst;
    /// with 4 slots of 4 to 64 KiB, it retries a thousand times.
    pub fn default_slots(record_size: usize) -> u32 {
        match record_size {
            0..=1024 => 16,
            1025..=65536 => 8,
            _ => 4,
        }
    }

    /// The header of a new segment.
    #[allow(clippy::cast_possible_truncation)] // `new` keeps every number far below 2^32
    pub fn header(&self, schema_hash: u64, base_sequence: u64, lineage: u64) -> Header {
        Header {
            magic: MAGIC,
            layout_version: LAYOUT_VERSION,
            byte_order: BYTE_ORDER,
            segment_size: self.segment_size as u64,
            control_offset: self.control_offset as u32,
            slots_offset: self.slots_offset as u32,
            slot_count: self.slot_count,
            slot_size: self.slot_size as u32,
            record_size: self.record_size as u32,
            field_count: self.field_count as u32,
            schema_hash,
            base_sequence,
            details_size: self.details_size as u32,
            flags: self.flags(),
            lineage,
            checksum: 0,
            reserved_word: 0,
            reserved: [0; 5],
        }
    }

    /// Where the stamp of a sequence begins.
    pub fn stamp_offset(&self, sequence: u64) -> usize {
        self.slot_offset(sequence) + self.record_size.next_multiple_of(WORD)
    }

    /// Where the generation is.
    pub fn generation_offset(&self) -> usize {
        self.control_offset + CACHE_LINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_aligned_and_inside() {
        let cases = [(1, 0, 1, 4), (8, 1, 64, 16), (4096, 65, 1 << 20, 4)];
        for (fields, details, record, slots) in cases {
            let layout = Layout::new(fields, details, record, slots, 0).unwrap();
            assert!(layout.control_offset >= layout.details_offset() + details);
            assert_eq!(layout.control_offset % CACHE_LINE, 0);
            assert_eq!(layout.slots_offset % CACHE_LINE, 0);
            assert!(layout.slot_size >= STAMP_WORDS * WORD + record);
            let end = layout.slots_offset + layout.slot_size * slots as usize;
            assert_eq!(layout.segment_size, end);
        }
    }

    #[test]
    fn rejects_numbers_outside_the_limits() {
        let refused = [
            (0, 0, 8, 4),
            (MAX_FIELDS + 1, 0, 8, 4),
            (1, MAX_DETAILS + 1, 8, 4),
            (1, 0, 0, 4),
            (1, 0, MAX_RECORD + 1, 4),
            (1, 0, 8, 2),
            (1, 0, 8, 5),
            (1, 0, 8, MAX_SLOTS * 2),
        ];
        for (fields, details, record, slots) in refused {
            assert_eq!(Layout::new(fields, details, record, slots, CHECKSUMS), None);
        }
    }
}
