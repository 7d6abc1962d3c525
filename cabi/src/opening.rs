//! Opening and closing readers.

use std::ffi::{CStr, CString, c_char};
use std::sync::Arc;

use pegel::dynamic::Reader;

use crate::failure::{Argument, guard};
use crate::reader::{open, pegel_reader};
use crate::types::{pegel_field, pegel_status, schema};

/// What stands for a reader until `pegel_reader_close`.
fn handle(reader: Arc<Reader>) -> *mut pegel_reader {
    Arc::into_raw(reader).cast_mut().cast()
}

/// Opens a board.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open(
    board: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, and room for a pointer.
        let (board, out) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("reader").out(reader)?,
            )
        };
        *out = handle(Arc::new(Reader::open(board)?));
        Ok(())
    })
}

/// Opens a board and keeps it open in this process, beyond pegel_reader_close(): the next call only looks
/// whether the name still stands for this file, and whose that is. For programs that open the same boards over
/// and over. Kept are the 64 opened last: each with a descriptor and its memory, also when it is removed, until a
/// call for it finds that out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_cached(
    board: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, and room for a pointer.
        let (board, out) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("reader").out(reader)?,
            )
        };
        *out = handle(Reader::open_cached(board)?);
        Ok(())
    })
}

/// The text that somebody noted of the board, NULL if nobody did. Valid while the reader is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_user_data(reader: *const pegel_reader) -> *const c_char {
    // SAFETY: the caller's promise: NULL or an open reader.
    let user_data = unsafe { reader.cast::<Reader>().as_ref() }.and_then(Reader::user_data);
    user_data.map_or(std::ptr::null(), CStr::as_ptr)
}

/// Notes what a program has worked out of the board's fields. pegel_reader_open_cached() gives whoever opens the same
/// board in this process the user_data with it. Only the first one is kept: let it begin with who can read it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_set_user_data(
    reader: *const pegel_reader,
    user_data: *const c_char,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and a C string.
        let (reader, user_data) =
            unsafe { (open(reader)?, Argument("user_data").text(user_data)?) };
        let user_data =
            CString::new(user_data).map_err(|_| Argument("user_data").invalid("has a NUL"))?;
        reader.set_user_data(&user_data);
        Ok(())
    })
}

/// Opens a board for a program that was made for these fields: the board may have an earlier or a later
/// version of them, with fewer or more at their end. Fields that it lacks get their defaults from the
/// details (JSON as in pegel_options, or NULL), or are unknown if they are optional.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_as(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    details: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, a C string or NULL, and room for a
        // pointer.
        let (board, fields, details, out) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("fields").slice(fields, count)?,
                Argument("details").optional_text(details)?,
                Argument("reader").out(reader)?,
            )
        };
        let reader = Reader::open(board)?.view(&schema(fields, details)?)?;
        *out = handle(Arc::new(reader));
        Ok(())
    })
}

/// Opens a board of those whom this program does not trust, also one that others refuse as PEGEL_UNTRUSTED,
/// unless it is a link or no regular file. If somebody cuts its file off, that is PEGEL_CORRUPT, where other
/// readers end with SIGBUS; each look at the board is a system call instead of a few loads. Fields as for
/// pegel_reader_open_as(); without any, count is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_untrusted(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    details: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, a C string or NULL, and room for a
        // pointer.
        let (board, fields, details, out) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("fields").slice(fields, count)?,
                Argument("details").optional_text(details)?,
                Argument("reader").out(reader)?,
            )
        };
        let mut reader = Reader::open_untrusted(board)?;
        if !fields.is_empty() {
            reader = reader.view(&schema(fields, details)?)?;
        }
        *out = handle(Arc::new(reader));
        Ok(())
    })
}

/// Closes a reader; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_close(reader: *mut pegel_reader) {
    if !reader.is_null() {
        guard(|| {
            // SAFETY: the caller's promise: it came from `handle` and is used no more.
            drop(unsafe { Arc::from_raw(reader.cast_const().cast::<Reader>()) });
            Ok(())
        });
    }
}
