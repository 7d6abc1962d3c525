//! What a board tells of itself.

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
    /// How many writers have taken the board.
    pub generation: u64,
    /// Permissions of its file.
    pub mode: u32,
    /// Its owner's user id.
    pub owner: u32,
    /// Its group's id.
    pub group: u32,
    /// Bytes of memory.
    pub segment_size: u64,
    /// Whether its publications carry checksums.
    pub checksums: bool,
    /// Whether it has a durable file.
    pub durable: bool,
    /// Whether it mirrors one that is elsewhere.
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
