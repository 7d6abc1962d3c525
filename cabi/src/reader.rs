//! Reading: the newest records and their stamps, and waiting for the next one.

use std::ffi::c_void;

use bytemuck::{Pod, Zeroable};
use pegel::dynamic::{Publication, Reader};
use pegel::{Error, Stamp};

use crate::argument::Argument;
use crate::guard::guard;
use crate::options::timeout;
use crate::sized;
use crate::status::pegel_status;

/// Bytes of the records that are read fastest, and of a word.
const BLOCK: usize = 64;
const WORD: usize = 8;

/// An open board, for reading.
// To C, a `Reader` goes by this name.
pub struct pegel_reader {
    _opaque: (),
}

/// What is known about a record, as of the read.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_stamp {
    /// sizeof(pegel_stamp).
    pub size: u32,
    /// How often the writer overtook this read, which then started over.
    pub retries: u32,
    /// Bytes of the record; of a document, its length.
    pub record_size: u32,
    pub reserved: u32,
    /// The number of the record: 1 for the first one of a board, then 2, and so on.
    pub sequence: u64,
    /// How many writers had opened the board when it was published; 0 for the defaults of a new
    /// board.
    pub generation: u64,
    /// When the record was published: nanoseconds of Unix time; 0 if unknown (PEGEL_UNSTAMPED).
    pub published_ns: i64,
    /// How old the record was when it was read, at least 0. Time in suspend counts. Setting the
    /// clock does not change it, except for a record that was restored after a reboot. INT64_MAX if
    /// unknown.
    pub age_ns: i64,
    /// Which optional fields are known: the lowest bit for the first of them, and so on.
    pub present: u64,
    /// Of pegel_reader_read_after(): records after `after` that the ring did not hold any more.
    pub missed: u64,
}

/// The reader behind a handle.
///
/// # Safety
/// NULL, or one from `pegel_reader_open` or `pegel_writer_reader` that is open during `'a`.
pub unsafe fn open<'a>(reader: *const pegel_reader) -> Result<&'a Reader, Error> {
    // SAFETY: the function's promise.
    unsafe { Argument("reader").get(reader.cast::<Reader>()) }
}

/// The newest sequence: 0 if nothing has been published or `reader` is NULL, and UINT64_MAX, which
/// is never a sequence, if a read would fail: after PEGEL_GONE, PEGEL_CORRUPT or PEGEL_SYSTEM,
/// which pegel_error_message() explains. The cheapest check for a new record: one load.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_sequence(reader: *const pegel_reader) -> u64 {
    // SAFETY: the caller's promise: NULL or an open reader.
    let Some(reader) = (unsafe { reader.cast::<Reader>().as_ref() }) else {
        return 0;
    };
    let mut sequence = u64::MAX;
    guard(|| {
        sequence = reader.sequence()?;
        Ok(())
    });
    sequence
}

/// Reads the newest record into `record`, and what is known about it into `stamp`, whose size must
/// be set. `record_size` must be at least the record's (sizeof your struct), or the document's
/// length. `stamp` can be NULL, which saves reading the clock: a read of up to 1 KiB then takes a
/// few nanoseconds. The bytes of an optional field are undefined unless its bit in `present` is
/// set.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TOO_LARGE (for the buffer), PEGEL_EMPTY, PEGEL_BUSY,
/// PEGEL_GONE, PEGEL_CORRUPT (a wrong checksum or length, or a truncated file), PEGEL_SYSTEM (no
/// memory to map the board).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    // One comparison for two: `stamp` is NULL, and `record_size` is a block's.
    if stamp.addr() | record_size.wrapping_sub(BLOCK) == 0 && !record.is_null() {
        // SAFETY: the caller's promise: NULL or an open reader, and `record_size` bytes,
        // which are exclusive and only written.
        let (reader, block) = unsafe { (reader.cast::<Reader>().as_ref(), &mut *record.cast()) };
        // This cannot panic, so it needs no guard.
        if reader.is_some_and(|reader| reader.try_copy_block_into(block)) {
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { read(reader, record, record_size, stamp) }
}

/// Records of other sizes, in a separate function, so that the fastest case needs no stack.
///
/// # Safety
/// As for `copy`.
#[inline(never)]
unsafe extern "C" fn read(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    if stamp.is_null() && !record.is_null() && isize::try_from(record_size).is_ok() {
        // SAFETY: as above.
        let (reader, record) = unsafe {
            (
                reader.cast::<Reader>().as_ref(),
                std::slice::from_raw_parts_mut(record.cast::<u8>(), record_size),
            )
        };
        // This cannot panic, so it needs no guard.
        if reader.is_some_and(|reader| reader.read_fast(record)) {
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { read_with_care(reader, record, record_size, stamp) }
}

/// All other reads.
///
/// # Safety
/// As for `copy`.
#[inline(never)]
unsafe extern "C" fn read_with_care(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { copy(reader, record, record_size, stamp, Reader::copy_into) }
    })
}

/// Reads `part_size` bytes of the newest record, from byte `offset` on: one field, or several
/// adjacent ones, whose offsets pegel_reader_field() returns. For programs that need little of a
/// large record. `stamp` can be NULL.
///
/// Returns: PEGEL_INVALID_ARGUMENT (also beyond the end of the record), PEGEL_EMPTY, PEGEL_BUSY,
/// PEGEL_GONE, PEGEL_CORRUPT, PEGEL_SYSTEM.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read_part(
    reader: *const pegel_reader,
    offset: usize,
    part: *mut c_void,
    part_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    if stamp.is_null() && !part.is_null() && part_size == WORD {
        // SAFETY: the caller's promise: NULL or an open reader, and `part_size` bytes,
        // which are exclusive and only written.
        let (reader, word) = unsafe { (reader.cast::<Reader>().as_ref(), &mut *part.cast()) };
        // This cannot panic, so it needs no guard.
        if reader.is_some_and(|reader| reader.try_copy_word_into(offset, word)) {
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { read_part(reader, offset, part, part_size, stamp) }
}

/// All other parts.
///
/// # Safety
/// As for `copy`.
#[inline(never)]
unsafe extern "C" fn read_part(
    reader: *const pegel_reader,
    offset: usize,
    part: *mut c_void,
    part_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    let read = |reader: &Reader, part: &mut [u8]| reader.copy_part_into(offset, part);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { copy(reader, part, part_size, stamp, read) }
    })
}

/// Reads the newest record as pegel_reader_read() does, into one buffer of `snapshot_size` bytes:
/// the first `stamp_size` of them, sizeof(pegel_stamp), are the stamp, whose size is not used,
/// and the record follows. The buffer needs no alignment. For languages in which each call and each
/// buffer costs more than the read.
///
/// Returns: the statuses of pegel_reader_read().
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_snapshot(
    reader: *const pegel_reader,
    snapshot: *mut c_void,
    snapshot_size: usize,
    stamp_size: usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and an exclusive buffer of `snapshot_size`
        // bytes, which are only written.
        let (reader, snapshot) = unsafe {
            (
                open(reader)?,
                Argument("snapshot").slice_mut(snapshot.cast::<u8>(), snapshot_size)?,
            )
        };
        if stamp_size < size_of::<u32>() || stamp_size > snapshot_size {
            let reason =
                format!("must be from 4 to snapshot_size, {snapshot_size} (got {stamp_size})");
            return Err(Argument("stamp_size").invalid(&reason));
        }
        let (stamp, record) = snapshot.split_at_mut(stamp_size);
        let publication = reader.copy_into(record)?;
        sized::fill(stamp, &stamp_of(&reader.stamp(&publication)?));
        Ok(())
    })
}

/// Reads the record with this sequence, as pegel_reader_read() reads the newest one. The ring holds
/// the newest records, as many as the board has slots, but not the one that is being overwritten.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TOO_LARGE (for the buffer), PEGEL_OVERWRITTEN,
/// PEGEL_GONE, PEGEL_CORRUPT, PEGEL_SYSTEM.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read_at(
    reader: *const pegel_reader,
    sequence: u64,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    let read = |reader: &Reader, record: &mut [u8]| reader.copy_at_into(sequence, record);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { copy(reader, record, record_size, stamp, read) }
    })
}

/// Reads the first record after the sequence `after` that the ring still holds. To follow every
/// record: wait, read after the last one until PEGEL_EMPTY, repeat. The stamp's `missed` counts the
/// records in between that the writer has already overwritten.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TOO_LARGE (for the buffer), PEGEL_EMPTY (nothing after it
/// yet), PEGEL_BUSY, PEGEL_GONE, PEGEL_CORRUPT, PEGEL_SYSTEM.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read_after(
    reader: *const pegel_reader,
    after: u64,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    let read = |reader: &Reader, record: &mut [u8]| reader.copy_after_into(after, record);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { copy(reader, record, record_size, stamp, read) }
    })
}

/// # Safety
/// An open reader, an exclusive buffer of `record_size` bytes, and NULL or a stamp of the size that
/// it states.
unsafe fn copy(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
    read: impl Fn(&Reader, &mut [u8]) -> Result<Publication, Error>,
) -> Result<(), Error> {
    // SAFETY: the function's promise. The bytes of the buffer may be uninitialised in C's eyes;
    // they are only written.
    let (reader, record, place) = unsafe {
        let place = if stamp.is_null() {
            None
        } else {
            Some(sized::bytes(Argument("stamp"), stamp)?)
        };
        let record = Argument("record").slice_mut(record.cast::<u8>(), record_size)?;
        (open(reader)?, record, place)
    };
    let publication = read(reader, record)?;
    if let Some(place) = place {
        sized::fill(place, &stamp_of(&reader.stamp(&publication)?));
    }
    Ok(())
}

fn stamp_of(known: &Stamp) -> pegel_stamp {
    pegel_stamp {
        size: 0,
        retries: known.retries,
        record_size: narrow(known.record_size),
        reserved: 0,
        sequence: known.sequence,
        generation: known.generation,
        published_ns: known.published_ns,
        age_ns: known.age_ns,
        present: known.present,
        missed: known.missed,
    }
}

/// Sleeps until a record after the sequence `after` is published, and stores the newest sequence,
/// which may be a later one. Returns at once if there is one already. `timeout_ns` of 0 only
/// checks; PEGEL_FOREVER waits forever. Time in suspend does not count, and signals do not end the
/// wait. A program that shows each newest value:
///
///     uint64_t after = 0;
///     while (pegel_reader_wait(reader, after, PEGEL_FOREVER, &after) == PEGEL_OK)
///       if (pegel_reader_read(reader, &level, sizeof level, NULL) == PEGEL_OK)
///         printf("%g m\n", level);
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TIMEOUT, PEGEL_GONE (within a second of the removal),
/// PEGEL_CORRUPT (a truncated file), PEGEL_SYSTEM.
/// Blocks: yes, up to the timeout. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_wait(
    reader: *const pegel_reader,
    after: u64,
    timeout_ns: i64,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and room for a number.
        let (reader, sequence) = unsafe { (open(reader)?, Argument("sequence").out(sequence)?) };
        *sequence = reader.wait(after, timeout(timeout_ns))?;
        Ok(())
    })
}

/// A size or a count in the type of C, as all of them have far lower limits.
pub fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
