//! Copies by vectors, in assembly, on x86-64 and aarch64. One side are words that other processes load and
//! store meanwhile.
//!
//! # Why that is sound
//!
//! Rust asks of assembly that Rust code could have done the same (the reference, *Rules for inline
//! assembly*): a loop over relaxed atomics could, in some order. That processors may do a vector access in
//! pieces, in any order, changes nothing: relaxed accesses have no order, and no value is used that another
//! process stored meanwhile, in one piece or not. Such a copy is thrown away: `ring` tells how it is
//! noticed, by fences before the stores and after the loads. That bytes at the seams are copied twice
//! changes nothing either: the second time they are the same, or the copy is thrown away. The compiler moves
//! no access across assembly that may touch memory, and to the processor's barriers a vector is an access
//! like any other (Intel SDM 3A 9.2, Arm ARM B2.3).

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

/// Bytes of a cache line, and the least that is copied here.
pub const BLOCK: usize = 64;

/// Stores the first of `bytes` into the first words, and says how many: as many as vectors can.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) -> usize {
    let size = machine::whole(bytes.len());
    assert!(size_of_val(words) >= size);
    if size > 0 {
        // SAFETY: both have `size` bytes, as was just seen. Atomics may be stored to through a shared
        // reference, and the bytes are only loaded.
        unsafe { machine::copy(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), size) }
    }
    size
}

/// Loads the first words into the first of `bytes`, and says how many: as many as vectors can.
pub fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) -> usize {
    let size = machine::whole(bytes.len());
    assert!(size_of_val(words) >= size);
    if size > 0 {
        // SAFETY: both have `size` bytes, as was just seen. The words are only loaded, and the bytes
        // are nobody else's.
        unsafe { machine::copy(words.as_ptr().cast(), bytes.as_mut_ptr(), size) }
    }
    size
}
