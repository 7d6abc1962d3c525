//! The writer's functions.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use pegel::dynamic::{Payload, Reader, Writer};
use pegel::{Condition, Error, Options};

use crate::failure::{Argument, guard};
use crate::reader::{pegel_reader, timeout};
use crate::types::{
    self, pegel_field, pegel_flag, pegel_options, pegel_publish_options, pegel_status,
};

/// Bytes of the records that are published fastest.
const BLOCK: usize = 64;

/// Publishes to a board, and holds it until it is closed or its process ends.
// To C, a `Writer` goes by this name.
pub struct pegel_writer {
    _opaque: (),
}

/// Creates a board, or takes over one that has the same fields; its records stay. A board that has fewer
/// is replaced by one that has them all, and one that has more stays as it is, if those that are appended
/// have defaults or are optional; records are laid out as the given fields nevertheless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_create(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    options: *const pegel_options,
    writer: *mut *mut pegel_writer,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, options of the size that they
        // say or NULL, and room for a pointer.
        let (board, fields, (options, details), writer) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("fields").slice(fields, count)?,
                types::options(options)?,
                Argument("writer").out(writer)?,
            )
        };
        let is_set = |flag: pegel_flag| options.flags & flag as u32 != 0;
        let wanted = Options {
            slots: options.slots,
            mode: options.mode,
            replace: is_set(pegel_flag::PEGEL_REPLACE),
            timeout: timeout(options.timeout_ns).unwrap_or(Duration::MAX),
            unstamped: is_set(pegel_flag::PEGEL_UNSTAMPED),
            checksum: is_set(pegel_flag::PEGEL_CHECKSUM),
            durable: is_set(pegel_flag::PEGEL_DURABLE),
        };
        let schema = types::schema(fields, details)?;
        let mut created = Writer::create(board, &schema, &wanted)?;
        if !is_set(pegel_flag::PEGEL_WHOLE) {
            created = created.view(&schema)?;
        }
        give(writer, created);
        Ok(())
    })
}

/// Takes an existing board, waiting for its writer to let go: for writing by turns. One that is absent comes back from
/// its durable file, if it has one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_open(
    board: *const c_char,
    timeout_ns: i64,
    writer: *mut *mut pegel_writer,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, and room for a pointer.
        let (board, writer) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("writer").out(writer)?,
            )
        };
        give(writer, Writer::open(board, timeout(timeout_ns))?);
        Ok(())
    })
}

fn give(place: &mut *mut pegel_writer, writer: Writer) {
    *place = Box::into_raw(Box::new(writer)).cast();
}

/// Publishes a record of the board's size, or a document of at most that; all its fields are known. The
/// sequence may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    if !record.is_null() && record_size == BLOCK {
        // SAFETY: the caller's promise: NULL or an open writer of this thread, and `record_size` bytes.
        let (writer, block) = unsafe { (writer.cast::<Writer>().as_mut(), &*record.cast()) };
        // This cannot panic, so it needs no guard.
        if let Some(published) = writer.and_then(|writer| writer.try_publish_block(block)) {
            if !sequence.is_null() {
                // SAFETY: the caller's promise: room for a number.
                unsafe { sequence.write_unaligned(published) };
            }
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { publish_always(writer, record, record_size, sequence) }
}

/// Records of other sizes and stamps, in a function of its own: so that the fastest case needs no stack.
///
/// # Safety
/// As for `publish`.
#[inline(never)]
unsafe extern "C" fn publish_always(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    if !record.is_null() && isize::try_from(record_size).is_ok() {
        // SAFETY: as above.
        let (writer, record) = unsafe {
            (
                writer.cast::<Writer>().as_mut(),
                std::slice::from_raw_parts(record.cast::<u8>(), record_size),
            )
        };
        // This cannot panic, so it needs no guard.
        if let Some(published) = writer.and_then(|writer| writer.publish_fast(record)) {
            if !sequence.is_null() {
                // SAFETY: the caller's promise: room for a number.
                unsafe { sequence.write_unaligned(published) };
            }
            return pegel_status::PEGEL_OK;
        }
    }
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { publish_with_care(writer, record, record_size, sequence) }
}

/// All else.
///
/// # Safety
/// As for `publish`.
#[inline(never)]
unsafe extern "C" fn publish_with_care(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe {
            publish(
                writer,
                Condition::Always,
                u64::MAX,
                record,
                record_size,
                sequence,
            )
        }
    })
}

/// As pegel_writer_publish, if the newest sequence is still the expected one (0: nothing published yet);
/// else `PEGEL_CONFLICT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish_if(
    writer: *mut pegel_writer,
    expected_sequence: u64,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    let condition = Condition::Newest(expected_sequence);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { publish(writer, condition, u64::MAX, record, record_size, sequence) }
    })
}

/// As pegel_writer_publish, on a condition, or with fields that are unknown. The sequence may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish_on(
    writer: *mut pegel_writer,
    publication: *const pegel_publish_options,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a publication of the size that it says or NULL, and the same as
        // that function's.
        unsafe {
            let (condition, present) = types::publication(publication)?;
            publish(writer, condition, present, record, record_size, sequence)
        }
    })
}

/// # Safety
/// An open writer that nobody else is at, `record_size` bytes, and NULL or room for a number.
unsafe fn publish(
    writer: *mut pegel_writer,
    condition: Condition,
    present: u64,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> Result<(), Error> {
    // SAFETY: the function's promise.
    let (writer, record, sequence) = unsafe {
        (
            Argument("writer").out(writer.cast::<Writer>())?,
            Argument("record").slice(record.cast::<u8>(), record_size)?,
            Argument("sequence").optional_out(sequence)?,
        )
    };
    let published = writer.publish_on(condition, Payload::new(record, present))?;
    if let Some(sequence) = sequence {
        *sequence = published;
    }
    Ok(())
}

/// Puts the newest record into the durable file of a board that was created with `PEGEL_DURABLE`: when this returns, it
/// is on the disk and comes back after a reboot. The sequence, which may be NULL, says which one that is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_sync(
    writer: *mut pegel_writer,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open writer that nobody else is at, and NULL or room for a number.
        let (writer, sequence) = unsafe {
            (
                Argument("writer").out(writer.cast::<Writer>())?,
                Argument("sequence").optional_out(sequence)?,
            )
        };
        let synced = writer.sync()?;
        if let Some(sequence) = sequence {
            *sequence = synced;
        }
        Ok(())
    })
}

/// A reader of the writer's own board. It belongs to the writer and to its thread: never close it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_reader(writer: *const pegel_writer) -> *const pegel_reader {
    // SAFETY: the caller's promise: NULL or an open writer.
    let writer = unsafe { writer.cast::<Writer>().as_ref() };
    writer.map_or(std::ptr::null(), |writer| {
        std::ptr::from_ref::<Reader>(writer.reader()).cast()
    })
}

/// Closes a writer; NULL is fine. The board and its last record stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_close(writer: *mut pegel_writer) {
    if !writer.is_null() {
        guard(|| {
            // SAFETY: the caller's promise: it came from this library and is used no more.
            drop(unsafe { Box::from_raw(writer.cast::<Writer>()) });
            Ok(())
        });
    }
}
