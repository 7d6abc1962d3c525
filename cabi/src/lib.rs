//! The C ABI: translation to and from C, and nothing else. Panics end here, as a status.
//!
//! The conventions are those at the top of `include/pegel.h`, which `tests/header.rs` generates.

#![allow(unsafe_code, non_camel_case_types)]
// The comments are the header's, whose conventions say what a caller promises.
#![allow(clippy::missing_safety_doc, clippy::doc_markdown)]

mod failure;
mod opening;
mod reader;
mod types;
mod writer;

use std::ffi::c_char;

use failure::{Argument, guard, message};
use types::{pegel_abi, pegel_field, pegel_status};

/// The ABI that the library has; it must equal `PEGEL_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_abi_version() -> u32 {
    pegel_abi::PEGEL_ABI_VERSION as u32
}

/// The version of the package, as in "1.2.3".
#[unsafe(no_mangle)]
pub extern "C" fn pegel_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The name of a status without its prefix, as in "NOT_FOUND"; "UNKNOWN" for other numbers.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_status_name(status: i32) -> *const c_char {
    pegel_status::name(status).as_ptr()
}

/// What went wrong in this thread's last failure, for people: it names the board, the path, the
/// numbers and what to do. Valid until this thread's next failure; "" when nothing failed yet.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_error_message() -> *const c_char {
    message()
}

/// Fills in size, count and offset of each field as C lays out a struct, and says the struct's size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_layout(
    fields: *mut pegel_field,
    count: usize,
    record_size: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise that `fields` points to `count` of them, and the other
        // pointer to a size_t, with nobody else at them.
        let (given, record_size) = unsafe {
            (
                Argument("fields").slice_mut(fields, count)?,
                Argument("record_size").out(record_size)?,
            )
        };
        let schema = types::schema(given, "")?;
        for (field, laid_out) in given.iter_mut().zip(schema.fields()) {
            *field = laid_out.into();
        }
        *record_size = schema.record_size();
        Ok(())
    })
}

/// Removes a board: its readers find it gone. `PEGEL_LOCKED` while it has a writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_unlink(board: *const c_char) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise that `board` is a C string.
        let board = unsafe { Argument("board").text(board)? };
        pegel::unlink(board)
    })
}
