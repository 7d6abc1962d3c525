//! The choices of a caller: how a board is created, and how a record is published.

use std::ffi::c_char;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use pegel::{Condition, Error, Options};

use crate::argument::Argument;
use crate::sized;

/// Timeouts in nanoseconds. Any other number from 0 on is a timeout, too.
#[repr(C)]
#[allow(dead_code)] // the library takes any number
pub enum pegel_timeout {
    /// Waits forever, as does any other number below 0.
    PEGEL_FOREVER = -1,
    /// One second: how long a writer waits for another one by default, in all languages.
    PEGEL_DEFAULT_TIMEOUT = 1_000_000_000,
}

/// A timeout of the header: `None` waits forever.
pub fn timeout(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// The flags of pegel_options. Those marked (info) are also in pegel_info.
#[repr(C)]
pub enum pegel_flag {
    /// Replace a board that has other fields or slots, or that is damaged. Records are kept if the
    /// fields of one board are the first fields of the other. Sequences continue, except those of a
    /// damaged board.
    PEGEL_REPLACE = 1,
    /// Publish records with all fields of the board, even if the program has fewer.
    PEGEL_WHOLE = 2,
    /// Let pegel_writer_publish() publish records of fields without reading the clock, for loops in
    /// which that would take most of the time. Such records have no age: age_ns is
    /// INT64_MAX, published_ns is 0. Waiting readers then poll once a millisecond, and the writer
    /// notices PEGEL_GONE up to a second and 255 publications late.
    PEGEL_UNSTAMPED = 4,
    /// (info) Give each record a checksum, which every reader verifies: a wrong one is
    /// PEGEL_CORRUPT. A board that has checksums keeps them; one without needs PEGEL_REPLACE.
    PEGEL_CHECKSUM = 8,
    /// (info) Give the board a durable file, into which pegel_writer_sync() puts the newest record,
    /// and from which the board is restored after a reboot. A board that has one keeps it; one
    /// without is replaced by a board with the same records.
    PEGEL_DURABLE = 16,
    /// (info only) The board is a mirror of another machine's, and cannot be written here.
    PEGEL_MIRROR = 32,
}

const KNOWN_FLAGS: u32 = pegel_flag::PEGEL_REPLACE as u32
    | pegel_flag::PEGEL_WHOLE as u32
    | pegel_flag::PEGEL_UNSTAMPED as u32
    | pegel_flag::PEGEL_CHECKSUM as u32
    | pegel_flag::PEGEL_DURABLE as u32;

/// How pegel_writer_create() creates a board. All members but `size` can be 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pegel_options {
    /// sizeof(pegel_options).
    pub size: u32,
    /// Slots of the ring: a power of two from 4 to 65536. 0: 16 for records up to 1 KiB, 8 up to
    /// 64 KiB, else 4; or as many as an existing board has.
    pub slots: u32,
    /// Permissions of the board's file, such as 0660. 0: 0640, or those of an existing board. The
    /// owner must have read and write; execute and world-write are not allowed.
    pub mode: u32,
    /// pegel_flag values, combined by `|`.
    pub flags: u32,
    /// Descriptions, labels, defaults and limits as JSON, or NULL; see pegel_reader_details().
    pub details: *const c_char,
    /// How long to wait while another writer holds the board. 0: PEGEL_DEFAULT_TIMEOUT.
    pub timeout_ns: i64,
}

/// The options of `pegel_writer_create`.
pub struct Chosen<'a> {
    pub options: Options,
    pub details: &'a str,
    /// Whether records have all fields of the board.
    pub is_whole: bool,
}

/// The options at a pointer, or the default ones.
///
/// # Safety
/// The pointer is NULL or valid for reads of as many bytes as its `size` states, and the details
/// are NULL or a C string, during `'a`.
pub unsafe fn create<'a>(given: *const pegel_options) -> Result<Chosen<'a>, Error> {
    let default = pegel_options {
        size: 0,
        slots: 0,
        mode: 0,
        flags: 0,
        details: std::ptr::null(),
        timeout_ns: 0,
    };
    let argument = Argument("options");
    // SAFETY: the function's promise; any bytes are numbers and a pointer.
    let given = unsafe { sized::read(argument, given, default)? };
    let unknown = given.flags & !KNOWN_FLAGS;
    if unknown != 0 {
        let reason = format!("has unknown flags (got {unknown:#x}). Update libpegel.");
        return Err(argument.invalid(&reason));
    }
    let is_set = |flag: pegel_flag| given.flags & flag as u32 != 0;
    let timeout = match given.timeout_ns {
        0 => Options::default().timeout,
        chosen => timeout(chosen).unwrap_or(Duration::MAX),
    };
    Ok(Chosen {
        options: Options {
            slots: given.slots,
            mode: given.mode,
            replace: is_set(pegel_flag::PEGEL_REPLACE),
            timeout,
            unstamped: is_set(pegel_flag::PEGEL_UNSTAMPED),
            checksum: is_set(pegel_flag::PEGEL_CHECKSUM),
            durable: is_set(pegel_flag::PEGEL_DURABLE),
        },
        // SAFETY: the function's promise.
        details: unsafe { Argument("options.details").optional_text(given.details)? },
        is_whole: is_set(pegel_flag::PEGEL_WHOLE),
    })
}

/// The condition on which pegel_writer_publish_on() publishes.
#[repr(C)]
#[allow(dead_code)] // the library takes any number and looks it up
pub enum pegel_condition {
    /// Publish without a condition.
    PEGEL_ALWAYS = 0,
    /// Publish if `sequence` still is the newest one (0: nothing published yet); else
    /// PEGEL_CONFLICT.
    PEGEL_NEWEST = 1,
    /// Publish if the ring then still holds all records after `sequence`, the last acknowledged
    /// one; else PEGEL_FULL.
    PEGEL_ACKNOWLEDGED = 2,
}

/// How pegel_writer_publish_on() publishes a record.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_publish_options {
    /// sizeof(pegel_publish_options).
    pub size: u32,
    /// A pegel_condition.
    pub condition: u32,
    /// The sequence of the condition.
    pub sequence: u64,
    /// Which optional fields are known: the lowest bit for the first of them, and so on.
    /// UINT64_MAX: all of them. 0: none.
    pub present: u64,
}

/// The condition of a publication, and the bits of its known fields.
///
/// # Safety
/// The pointer is NULL or valid for reads of as many bytes as its `size` states.
pub unsafe fn publish(given: *const pegel_publish_options) -> Result<(Condition, u64), Error> {
    let argument = Argument("options");
    let default = pegel_publish_options {
        present: u64::MAX,
        ..Zeroable::zeroed()
    };
    // SAFETY: the function's promise; any bytes are numbers.
    let given = unsafe { sized::read(argument, given, default)? };
    let condition = match given.condition {
        0 => Condition::Always,
        1 => Condition::Newest(given.sequence),
        2 => Condition::Acknowledged(given.sequence),
        unknown => {
            let reason = format!("has an unknown condition (got {unknown}). Update libpegel.");
            return Err(argument.invalid(&reason));
        }
    };
    Ok((condition, given.present))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_options_wait_as_long_as_other_languages_do() {
        // SAFETY: NULL is fine.
        let chosen = unsafe { create(std::ptr::null()) }.unwrap();
        let default = timeout(pegel_timeout::PEGEL_DEFAULT_TIMEOUT as i64).unwrap();
        assert_eq!(chosen.options.timeout, default);
        assert_eq!(timeout(pegel_timeout::PEGEL_FOREVER as i64), None);
    }
}
