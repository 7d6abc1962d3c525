//! Opening and closing readers.

use std::ffi::{CStr, c_char};
use std::sync::Arc;

use pegel::Error;
use pegel::dynamic::Reader;

use crate::argument::Argument;
use crate::field::{pegel_field, schema};
use crate::guard::guard;
use crate::reader::{open, pegel_reader};
use crate::status::pegel_status;

/// The handle of a reader, until `pegel_reader_close`.
fn handle(reader: Arc<Reader>) -> *mut pegel_reader {
    Arc::into_raw(reader).cast_mut().cast()
}

/// Opens a board for reading, which needs no more than the permission to read its file, and stores
/// the handle in `reader`. Records have the fields of the board: find each one by
/// pegel_reader_field(), or let pegel_reader_open_as() check that they are those of your struct.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_NOT_FOUND (no such board: its writer has not run, or
/// PEGEL_DIR differs), PEGEL_CORRUPT, PEGEL_UNSUPPORTED, PEGEL_UNTRUSTED, PEGEL_DENIED,
/// PEGEL_SYSTEM.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open(
    board: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { open_by(board, reader, |board| Reader::open(board).map(Arc::new)) }
}

/// Opens a board with its own fields.
///
/// # Safety
///
/// `board` is a C string or NULL; `reader` has room for a pointer, or is NULL.
unsafe fn open_by(
    board: *const c_char,
    reader: *mut *mut pegel_reader,
    open: impl FnOnce(&str) -> pegel::Result<Arc<Reader>>,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, and room for a pointer.
        let (board, out) = unsafe {
            (
                Argument("board").text(board)?,
                Argument("reader").out(reader)?,
            )
        };
        *out = handle(open(board)?);
        Ok(())
    })
}

/// Opens a board for a program that was built for these fields, such as those that `pegel gen c`
/// prints: records then are laid out as the `count` fields, whatever version of them the board has.
/// The board may have fewer or more fields at the end. A field that the board lacks has its default
/// from `details` (JSON as in pegel_options, or NULL), or is unknown if it is optional.
///
/// Returns: the statuses of pegel_reader_open(), and PEGEL_INVALID_FIELDS (not a schema, or not a
/// version of the board's; the message names the difference).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_as(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    details: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, a C string or NULL, and room
        // for a pointer.
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

/// Opens a board whose writers this program does not trust, also one that other functions refuse as
/// PEGEL_UNTRUSTED, unless it is a link or not a regular file. A truncated board then is
/// PEGEL_CORRUPT instead of a SIGBUS, but each read is a system call instead of a few loads. Fields
/// and details are those of pegel_reader_open_as(); with a count of 0, records have the board's
/// fields.
///
/// Returns: the statuses of pegel_reader_open(), and PEGEL_INVALID_FIELDS (see
/// pegel_reader_open_as()).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_untrusted(
    board: *const c_char,
    fields: *const pegel_field,
    count: usize,
    details: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: a C string, `count` fields, a C string or NULL, and room
        // for a pointer.
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

/// Opens a board, and lets this process keep it open after pegel_reader_close(): the next call for
/// the board only checks that the path still names the same file with the same owner and mode. For
/// programs that open the same boards again and again, such as a web worker. The process keeps the
/// 64 boards that were opened last, each with its descriptor and memory. It keeps a removed board
/// until the next call for it. A process that changes its user can still read the boards it has
/// open.
///
/// Returns: the statuses of pegel_reader_open().
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_open_cached(
    board: *const c_char,
    reader: *mut *mut pegel_reader,
) -> pegel_status {
    // SAFETY: the caller's promise, the same as this function's.
    unsafe { open_by(board, reader, Reader::open_cached) }
}

/// Whether the path of the board still names the file that this reader has open, with the same
/// owner and mode: 1, or 0 if not or if `reader` is NULL. Then open the board again. For programs
/// that keep readers of their own between the requests that they serve, as
/// pegel_reader_open_cached() does.
/// Blocks: no; one system call. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_is_current(reader: *const pegel_reader) -> i32 {
    // SAFETY: the caller's promise: NULL or an open reader.
    let reader = unsafe { reader.cast::<Reader>().as_ref() };
    let mut is_current = false;
    guard(|| {
        is_current = reader.is_some_and(Reader::is_current);
        Ok(())
    });
    i32::from(is_current)
}

/// Stores a text with an open board, such as a plan of how to decode its records. Every later
/// pegel_reader_open_cached() of the same file in this process finds it by
/// pegel_reader_user_data(). Only the first text is stored, and it is never replaced: begin it with
/// the version of its format.
///
/// Returns: PEGEL_INVALID_ARGUMENT.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_set_user_data(
    reader: *const pegel_reader,
    user_data: *const c_char,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and a C string.
        let (reader, user_data) =
            unsafe { (open(reader)?, Argument("user_data").c_string(user_data)?) };
        reader.set_user_data(user_data);
        Ok(())
    })
}

/// The text that pegel_reader_set_user_data() stored, or NULL if there is none or `reader` is NULL.
/// Valid until pegel_reader_close(); not yours to free.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_user_data(reader: *const pegel_reader) -> *const c_char {
    // SAFETY: the caller's promise: NULL or an open reader.
    let user_data = unsafe { reader.cast::<Reader>().as_ref() }.and_then(Reader::user_data);
    user_data.map_or(std::ptr::null(), CStr::as_ptr)
}

/// Closes a reader; NULL does nothing. No thread may still use it.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_close(reader: *mut pegel_reader) {
    if !reader.is_null() {
        guard(|| {
            // SAFETY: the caller's promise: a handle of this library, which is not used any more.
            drop(unsafe { Arc::from_raw(reader.cast::<Reader>()) });
            Ok::<(), Error>(())
        });
    }
}
