//! Checksums of publications, on boards that are created with them: for bytes that were stored
//! elsewhere, such as on a disk, and for readers that do not trust a board's writers.

#![forbid(unsafe_code)]

use std::mem::offset_of;

use bytemuck::bytes_of;

use crate::ring::StampWords;
use crate::segment::layout::Header;

/// Bytes of a checksum, the last ones of a stamp.
const SIZE: usize = size_of::<u32>();

/// Stores the checksum of a publication in its stamp.
pub fn seal(sequence: u64, stamp: &mut StampWords, record: &[u8]) {
    let checksum = of(sequence, stamp, record);
    let (_, last) = bytemuck::bytes_of_mut(stamp).split_at_mut(size_of::<StampWords>() - SIZE);
    last.copy_from_slice(&checksum.to_ne_bytes());
}

/// Whether a publication matches its checksum.
pub fn is_valid(sequence: u64, stamp: &StampWords, record: &[u8]) -> bool {
    bytes_of(stamp).ends_with(&of(sequence, stamp, record).to_ne_bytes())
}

/// The checksum of the header before its checksum, the field table and the details.
pub fn of_header(header: &Header, table: &[u8], details: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes_of(header)[..offset_of!(Header, checksum)]);
    hasher.update(table);
    hasher.update(details);
    hasher.finalize()
}

/// CRC-32, as in IEEE 802.3, gzip and PNG, of the record, its stamp before the checksum, and the
/// sequence.
fn of(sequence: u64, stamp: &StampWords, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(record);
    hasher.update(&bytes_of(stamp)[..size_of::<StampWords>() - SIZE]);
    hasher.update(&sequence.to_ne_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{length, length_word};

    #[test]
    fn every_bit_counts() {
        let (sequence, record) = (7, [1, 2, 3]);
        let mut stamp = [1, 2, 3, 4, 5, length_word(record.len())];
        assert!(!is_valid(sequence, &stamp, &record));
        seal(sequence, &mut stamp, &record);
        assert!(is_valid(sequence, &stamp, &record));
        assert_eq!(length(&stamp), record.len());
        for bit in 0..64 {
            assert!(!is_valid(sequence ^ 1 << bit, &stamp, &record));
            for word in 0..stamp.len() {
                let mut other = stamp;
                other[word] ^= 1 << bit;
                assert!(!is_valid(sequence, &other, &record), "{word}, {bit}");
            }
        }
        for bit in 0..8 {
            assert!(!is_valid(sequence, &stamp, &[1, 2 ^ 1 << bit, 3]));
        }
    }
}
