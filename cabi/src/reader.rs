//! The reader's functions.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use pegel::dynamic::{Publication, Reader};
use pegel::{Error, ErrorKind, Stamp};

use crate::failure::{Argument, guard};
use crate::types::{
    document_number, fill, pegel_field, pegel_flag, pegel_info, pegel_stamp, pegel_status, sized,
};

/// Bytes of the records that are read fastest, and of a word.
const BLOCK: usize = 64;
const WORD: usize = 8;

/// Reads a board.
// To C, a `Reader` goes by this name.
pub struct pegel_reader {
    _opaque: (),
}

/// The reader behind a handle.
///
/// # Safety
/// NULL, or one from `pegel_reader_open` or `pegel_writer_reader` that is open for `'a`.
pub unsafe fn open<'a>(reader: *const pegel_reader) -> Result<&'a Reader, Error> {
    // SAFETY: the function's promise.
    unsafe { Argument("reader").get(reader.cast::<Reader>()) }
}

/// What is known of the board.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_info(
    reader: *const pegel_reader,
    info: *mut pegel_info,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and a struct of the size that it says.
        let (reader, place) = unsafe { (open(reader)?, sized(Argument("info"), info)?) };
        let (known, schema) = (reader.info(), reader.schema());
        let flag = |is_set, flag: pegel_flag| if is_set { flag as u32 } else { 0 };
        let found = pegel_info {
            size: 0,
            field_count: narrow(schema.fields().len()),
            record_size: narrow(known.record_size),
            slots: known.slots,
            schema_hash: known.schema_hash,
            generation: known.generation,
            document: document_number(schema.document()),
            mode: known.mode,
            lineage: reader.lineage(),
            flags: flag(known.checksums, pegel_flag::PEGEL_CHECKSUM)
                | flag(known.durable, pegel_flag::PEGEL_DURABLE)
                | flag(known.mirror, pegel_flag::PEGEL_MIRROR),
            reserved: 0,
        };
        fill(place, &found);
        Ok(())
    })
}

/// Whether the board has a writer now, be it stopped: 1 or 0. Asks the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_writer_alive(
    reader: *const pegel_reader,
    alive: *mut i32,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and room for a number.
        let (reader, alive) = unsafe { (open(reader)?, Argument("alive").out(alive)?) };
        *alive = i32::from(reader.writer_alive()?);
        Ok(())
    })
}

/// The board's fields in their order. With capacity 0, `fields` may be NULL and only their count is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_fields(
    reader: *const pegel_reader,
    fields: *mut pegel_field,
    capacity: usize,
    count: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, room for `capacity` fields and a number.
        let (reader, fields, count) = unsafe {
            (
                open(reader)?,
                Argument("fields").slice_mut(fields, capacity)?,
                Argument("count").out(count)?,
            )
        };
        let found = reader.schema().fields();
        if capacity > 0 && capacity < found.len() {
            let (name, has) = (reader.board(), found.len());
            let message = format!("board {name} has {has} fields; there is room for {capacity}");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        for (field, found) in fields.iter_mut().zip(found) {
            *field = found.into();
        }
        *count = found.len();
        Ok(())
    })
}

/// The field of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_field(
    reader: *const pegel_reader,
    name: *const c_char,
    field: *mut pegel_field,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, a C string, and room for a field.
        let (reader, name, field) = unsafe {
            (
                open(reader)?,
                Argument("name").text(name)?,
                Argument("field").out(field)?,
            )
        };
        *field = reader.schema().field(name)?.into();
        Ok(())
    })
}

/// Descriptions, labels, defaults and limits: a JSON text, "" when there are none. Its length does not
/// count the NUL. With capacity 0, `text` may be NULL and only the length is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_details(
    reader: *const pegel_reader,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, room for `capacity` bytes and a number.
        let (reader, text, length) = unsafe {
            (
                open(reader)?,
                Argument("text").slice_mut(text.cast::<u8>(), capacity)?,
                Argument("length").out(length)?,
            )
        };
        let details = reader.schema().details().as_bytes();
        if capacity > 0 {
            let (name, needed) = (reader.board(), details.len() + 1);
            if capacity < needed {
                let message =
                    format!("board {name}: the details need {needed} bytes, not {capacity}");
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            text[..details.len()].copy_from_slice(details);
            text[details.len()] = 0;
        }
        *length = details.len();
        Ok(())
    })
}

/// The newest sequence; 0 when nothing has been published, or when reader is NULL. UINT64_MAX, which is not a sequence,
/// when a read would fail, as with PEGEL_GONE once the board was replaced or removed; pegel_error_message() says why.
/// One load.
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

/// The newest record. The buffer has room for the board's record; for a document's length at least.
/// The stamp may be NULL, which saves the looks at it and at the clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    // One comparison for two: `stamp` is NULL, and `record_size` is a block's.
    if stamp.addr() | record_size.wrapping_sub(BLOCK) == 0 && !record.is_null() {
        // SAFETY: the caller's promise: NULL or an open reader, and `record_size` bytes that nobody else is
        // at, which are only written.
        let (reader, block) = unsafe { (reader.cast::<Reader>().as_ref(), &mut *record.cast()) };
        // This cannot panic, so it needs no guard.
        if reader.is_some_and(|reader| reader.try_copy_block_into(block)) {
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { read(reader, record, record_size, stamp) }
}

/// Records of other sizes, in a function of its own: so that the fastest case needs no stack.
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

/// All else.
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

/// Bytes of the newest record, from an offset on: a field, or several that stand side by side, as whole as
/// the record itself. The stamp may be NULL; it tells which optional fields are known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_read_part(
    reader: *const pegel_reader,
    offset: usize,
    part: *mut c_void,
    part_size: usize,
    stamp: *mut pegel_stamp,
) -> pegel_status {
    if stamp.is_null() && !part.is_null() && part_size == WORD {
        // SAFETY: the caller's promise: NULL or an open reader, and `part_size` bytes that nobody else is
        // at, which are only written.
        let (reader, word) = unsafe { (reader.cast::<Reader>().as_ref(), &mut *part.cast()) };
        // This cannot panic, so it needs no guard.
        if reader.is_some_and(|reader| reader.try_copy_word_into(offset, word)) {
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { read_part(reader, offset, part, part_size, stamp) }
}

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

/// The newest publication in one piece: a pegel_stamp, of the stamp_size that it has for you, and behind it the
/// record, as pegel_reader_read() gives them. For languages to which each call and each buffer is dear;
/// the bytes need no alignment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_snapshot(
    reader: *const pegel_reader,
    snapshot: *mut c_void,
    snapshot_size: usize,
    stamp_size: usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and a buffer of `snapshot_size` bytes that nobody else is
        // at, which are only written.
        let (reader, snapshot) = unsafe {
            (
                open(reader)?,
                Argument("snapshot").slice_mut(snapshot.cast::<u8>(), snapshot_size)?,
            )
        };
        if stamp_size < size_of::<u32>() || stamp_size > snapshot_size {
            return Err(Argument("stamp_size").invalid("has to be sizeof, and snapshot_size more"));
        }
        let (stamp, record) = snapshot.split_at_mut(stamp_size);
        let publication = reader.copy_into(record)?;
        fill(stamp, &stamp_of(&reader.stamp(&publication)?));
        Ok(())
    })
}

/// The record of a sequence, if it is in the ring; else `PEGEL_OVERWRITTEN`.
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

/// The first record after a sequence that the ring still holds: for following every publication. The
/// stamp's missed counts those before it that it held no longer. `PEGEL_EMPTY` when there is none yet.
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
/// An open reader, a buffer of `record_size` bytes that nobody else is at, and NULL or a stamp of
/// the size that it says.
unsafe fn copy(
    reader: *const pegel_reader,
    record: *mut c_void,
    record_size: usize,
    stamp: *mut pegel_stamp,
    read: impl Fn(&Reader, &mut [u8]) -> Result<Publication, Error>,
) -> Result<(), Error> {
    // SAFETY: the function's promise. The bytes of the buffer may be uninitialised in C's eyes; they
    // are only written.
    let (reader, record, place) = unsafe {
        let place = if stamp.is_null() {
            None
        } else {
            Some(sized(Argument("stamp"), stamp)?)
        };
        let record = Argument("record").slice_mut(record.cast::<u8>(), record_size)?;
        (open(reader)?, record, place)
    };
    let publication = read(reader, record)?;
    if let Some(place) = place {
        fill(place, &stamp_of(&reader.stamp(&publication)?));
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

/// Waits for a publication after the given one and says its sequence, the newest.
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

/// A timeout of the header: below 0 is none.
pub fn timeout(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// Records, documents and field counts have limits far below.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
