//! The C ABI: translation to and from C, and nothing else. A panic becomes a status.
//!
//! The conventions are those at the top of `include/pegel.h`, which `tests/header.rs` generates.

#![allow(unsafe_code, non_camel_case_types)]
// The doc comments are those of the header, whose conventions are what a caller must ensure.
#![allow(clippy::missing_safety_doc, clippy::doc_markdown)]

mod argument;
mod field;
mod guard;
mod info;
mod open;
mod options;
mod reader;
mod sized;
mod status;
mod writer;

use std::ffi::c_char;

use argument::Argument;
use guard::{guard, message};
use status::pegel_status;

/// The version of this header. Equal to pegel_abi_version(), unless an older or newer library was
/// loaded.
#[repr(C)]
pub enum pegel_abi {
    /// Also in the name of the shared library, libpegel.so.1.
    PEGEL_ABI_VERSION = 1,
}

/// The ABI version of the loaded library. Programs that load it at run time must compare this with
/// PEGEL_ABI_VERSION; for others, the name libpegel.so.1 ensures it.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_abi_version() -> u32 {
    pegel_abi::PEGEL_ABI_VERSION as u32
}

/// The version of the library, such as "1.2.3".
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The name of a status without its prefix, such as "NOT_FOUND"; "UNKNOWN" for any other number.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_status_name(status: i32) -> *const c_char {
    status::name(status).as_ptr()
}

/// The message of this thread's last failure, for people: it names the board, the file, the numbers
/// and what to do about it. Valid until the next failure in this thread; "" before the first one.
/// Blocks: no. Threads: any; each has its own message.
#[unsafe(no_mangle)]
pub extern "C" fn pegel_error_message() -> *const c_char {
    message()
}

/// Removes a board and its durable file; its readers get PEGEL_GONE. After a failure, nothing was
/// removed, or the call can be repeated. Boards that no program uses need not be removed: in
/// /dev/shm, they end with the next reboot.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_NOT_FOUND, PEGEL_LOCKED (the board has a writer, or its
/// durable file was held for 10 s), PEGEL_UNSUPPORTED, PEGEL_UNTRUSTED (the lock or durable file),
/// PEGEL_DENIED, PEGEL_SYSTEM, PEGEL_NO_SPACE (for the lock file).
/// Blocks: with a durable file, for the disk, and up to 10 s while another process syncs.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_unlink(board: *const c_char) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise that `board` is a C string.
        let board = unsafe { Argument("board").text(board)? };
        pegel::unlink(board)
    })
}
