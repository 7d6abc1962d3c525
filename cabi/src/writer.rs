//! The writer's functions.

use std::ffi::{c_char, c_void};

use pegel::dynamic::{Reader, Writer};
use pegel::{Error, Options};

use crate::failure::{Argument, guard};
use crate::reader::{pegel_reader, timeout};
use crate::types::{self, pegel_field, pegel_flag, pegel_options, pegel_status};

/// Publishes to a board, and holds it until it is closed or its process ends.
// To C, a `Writer` goes by this name.
pub struct pegel_writer {
    _opaque: (),
}

/// Creates a board, or takes over one that has the same fields; its last record stays.
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
        let (board, fields, options, writer) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("fields").slice(fields, count)?,
                types::options(options)?,
                Argument("writer").out(writer)?,
            )
        };
        let options = Options {
            slots: options.slots,
            mode: options.mode,
            replace: options.flags & pegel_flag::PEGEL_REPLACE as u32 != 0,
        };
        give(
            writer,
            Writer::create(board, &types::schema(fields)?, &options)?,
        );
        Ok(())
    })
}

/// Takes an existing board, waiting for its writer to let go: for writing by turns.
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

/// Publishes a record of the board's size, or a document of at most that. The sequence may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { publish(writer, record, record_size, sequence, Writer::publish) }
    })
}

/// Publishes if the newest sequence is still the expected one (0: nothing published yet); else
/// `PEGEL_CONFLICT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_writer_publish_if(
    writer: *mut pegel_writer,
    expected_sequence: u64,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
) -> pegel_status {
    let publish_if =
        |writer: &mut Writer, record: &[u8]| writer.publish_if(expected_sequence, record);
    guard(|| {
        // SAFETY: the caller's promise, the same as this function's.
        unsafe { publish(writer, record, record_size, sequence, publish_if) }
    })
}

/// # Safety
/// An open writer that nobody else is at, `record_size` bytes, and NULL or room for a number.
unsafe fn publish(
    writer: *mut pegel_writer,
    record: *const c_void,
    record_size: usize,
    sequence: *mut u64,
    publish: impl Fn(&mut Writer, &[u8]) -> Result<u64, Error>,
) -> Result<(), Error> {
    // SAFETY: the function's promise.
    let (writer, record, sequence) = unsafe {
        (
            Argument("writer").out(writer.cast::<Writer>())?,
            Argument("record").slice(record.cast::<u8>(), record_size)?,
            sequence.as_mut(),
        )
    };
    let published = publish(writer, record)?;
    if let Some(sequence) = sequence {
        *sequence = published;
    }
    Ok(())
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
