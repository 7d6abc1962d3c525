//! What is known of a board itself.

use crate::board::reader::Reader;

/// What is known of a board itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Bytes of a record; a document's capacity.
    pub record_size: usize,
    /// Slots of the ring.
    pub slots: u32,
    /// Equal for equal schemas.
    pub schema_hash: u64,
    /// The board's generation.
    pub generation: u64,
    /// The permissions of its file.
    pub mode: u32,
    /// The user id of its owner.
    pub owner: u32,
    /// The id of its group.
    pub group: u32,
    /// Bytes of memory.
    pub segment_size: u64,
    /// Whether its publications carry checksums.
    pub checksums: bool,
    /// Whether it has a durable file.
    pub durable: bool,
    /// Whether it is a mirror.
    pub mirror: bool,
}

impl Reader {
    /// What is known of the board itself.
    pub fn info(&self) -> Info {
        let status = self
            .inner()
            .segment
            .status(self.path())
            .unwrap_or(self.inner().status);
        Info {
            record_size: self.schema().record_size(),
            slots: self.inner().layout.slot_count,
            schema_hash: self.schema().hash(),
            generation: self.inner().generation(),
            mode: status.st_mode & 0o7777,
            owner: status.st_uid,
            group: status.st_gid,
            segment_size: self.inner().layout.segment_size as u64,
            checksums: self.inner().layout.checksums,
            durable: self.inner().layout.durable,
            mirror: self.inner().layout.mirror,
        }
    }
}
