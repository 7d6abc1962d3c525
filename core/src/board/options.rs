//! What the creator of a board may choose.

use std::time::Duration;

/// How long to wait for another writer if no timeout is chosen: a program that
/// publishes once is done by then.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How a board is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own, by name
pub struct Options {
    /// Slots of the ring, a power of two from 4; 0 chooses by the record's size, or keeps those of
    /// an existing board.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640, or keeps those of an existing board. Users who
    /// can write the file can become its writer.
    pub mode: u32,
    /// Replace a board that has another schema or other slots, or is damaged. Its records are kept
    /// if one schema is the other with fields appended. The sequences continue, except those of a
    /// damaged board, whose readers do not notice that it was replaced.
    pub replace: bool,
    /// How long to wait for another writer to release the board; a second by default.
    pub timeout: Duration,
    /// Publish without time and age, for loops where reading the clock would take most of the time.
    /// It is for records of fields, as bytes, without a condition (`publish_fast`, else `publish`).
    /// Waiting readers then poll once a millisecond, and the writer notices up to a second and 255
    /// publications late that the board is gone.
    pub unstamped: bool,
    /// Store a checksum in each publication, which all readers verify: a wrong one is `CORRUPT`.
    /// For bytes that are copied elsewhere, and for `open_untrusted`; torn records are excluded
    /// without it. `false` keeps the checksums of an existing board. Such publications are always
    /// stamped.
    pub checksum: bool,
    /// Give the board a durable file, into which `sync` puts the newest record, and from which the
    /// board is restored after a reboot, with its sequences. `false` keeps an existing durable
    /// file. An existing board without one is replaced by a durable board with its records.
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
