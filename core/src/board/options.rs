//! What the creator of a board may choose.

use std::time::Duration;

/// How long to wait for another writer if no timeout is chosen: a program that
/// publishes once is done by then.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How a board is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own, by name
pub struct Options {
    /// Slots of the ring, a power of two from 4; 0 chooses by the record's size, or leaves them as they
    /// are.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640, or what they are if there is one. Who may write the
    /// file may become its writer.
    pub mode: u32,
    /// Replace a board that has another schema or other slots, or is damaged. Its records stay if one
    /// schema is the other with fields appended. The sequences go on, except those of a damaged board,
    /// whose readers are not told either.
    pub replace: bool,
    /// How long to wait for another writer to release the board; a second by default.
    pub timeout: Duration,
    /// Publish records of fields without looking at the clock, in loops where that would take most of the time: as
    /// bytes, on no condition (`publish_fast`, else `publish`). Readers cannot tell a record's age, those who wait
    /// look once a millisecond, and the writer notices that the board is gone a second later, and after up
    /// to 255 more publications.
    pub unstamped: bool,
    /// Let each publication carry a checksum of its bytes, which all readers verify: one that is wrong is then
    /// `CORRUPT`. For bytes that come by other ways than from their writer's memory, and for `open_untrusted`;
    /// against half-written records there is no need of it. Else it is left as it is if there is a board.
    /// Such publications are always stamped.
    pub checksum: bool,
    /// Give it a durable file, into which `sync` puts the newest record, and from which the board comes back after a
    /// reboot: with that record, the sequences going on. Else it is left as it is if there is a board, or such a
    /// file. A board that is there without is replaced by one with the same records.
    pub durable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slots: 0,
            mode: 0,
            replace: false,
            timeout: TIMEOUT,
            unstamped: false,
            checksum: false,
            durable: false,
        }
    }
}
