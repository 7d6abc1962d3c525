//! Copies by vector instructions, in assembly, on x86-64 and aarch64. Other processes load and
//! store the words of one side at the same time.
//!
//! # Why that is sound
//!
//! Assembly must not do what Rust code could not do (the reference, *Rules for inline assembly*). A
//! loop over relaxed atomics does the same as these copies, in some order.
//!
//! * A processor may split a vector access into pieces, in any order. Relaxed accesses have no
//!   order either, and a copy that another process stored into meanwhile is discarded, torn or not:
//!   `protocol` detects it by the fences before the stores and after the loads.
//! * Bytes where two vectors overlap are copied twice. The second time they are the same, or the
//!   copy is discarded.
//! * The compiler moves no access across assembly that may touch memory, and the processor's
//!   barriers apply to vectors as to any access (Intel SDM 3A 9.2, Arm ARM B2.3).

#![allow(unsafe_code)]

#[cfg(all(target_arch = "aarch64", not(pegel_loom)))]
mod aarch64;
#[cfg(any(not(any(target_arch = "x86_64", target_arch = "aarch64")), pegel_loom))]
mod portable;
#[cfg(all(target_arch = "x86_64", not(pegel_loom)))]
mod x86_64;

#[cfg(all(target_arch = "aarch64", not(pegel_loom)))]
use self::aarch64 as machine;
#[cfg(any(not(any(target_arch = "x86_64", target_arch = "aarch64")), pegel_loom))]
use self::portable as machine;
#[cfg(all(target_arch = "x86_64", not(pegel_loom)))]
use self::x86_64 as machine;

use crate::ring::sync::AtomicU64;

pub use self::machine::{Vectors, copy_one, has_one_block};

/// Bytes of a cache line, the least that is copied here.
pub const BLOCK: usize = 64;

/// Stores `bytes` into the words, as many as vectors can copy, and returns how many these are.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) -> usize {
    let size = machine::vector_bytes(bytes.len());
    assert!(size_of_val(words) >= size);
    if size > 0 {
        // SAFETY: both sides have `size` bytes: the assertion, and `vector_bytes` is at most the
        // length. Atomics may be stored to through a shared reference, and the bytes are only
        // loaded.
        unsafe { machine::copy(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), size) }
    }
    size
}

/// Loads the words into `bytes`, as many as vectors can copy, and returns how many these are.
pub fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) -> usize {
    let size = machine::vector_bytes(bytes.len());
    assert!(size_of_val(words) >= size);
    if size > 0 {
        // SAFETY: both sides have `size` bytes, as above. The words are only loaded, and `bytes` is
        // exclusive.
        unsafe { machine::copy(words.as_ptr().cast(), bytes.as_mut_ptr(), size) }
    }
    size
}
