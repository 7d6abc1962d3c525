//! The copies of aarch64, by pairs of vectors.

use super::BLOCK;

/// Whether this processor can execute `copy_one`: all can.
pub fn has_one_block() -> bool {
    true
}

/// Copies one block.
///
/// # Safety
/// `from` and `to` must have a block each, and must not overlap.
#[inline]
pub unsafe fn copy_one(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        std::arch::asm!(
            "ldp {a:q}, {b:q}, [{from}]",
            "ldp {c:q}, {d:q}, [{from}, #32]",
            "stp {a:q}, {b:q}, [{to}]",
            "stp {c:q}, {d:q}, [{to}, #32]",
            from = in(reg) from,
            to = in(reg) to,
            a = out(vreg) _,
            b = out(vreg) _,
            c = out(vreg) _,
            d = out(vreg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The vector instructions of this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vectors;

impl Vectors {
    /// The instructions that can copy `size` bytes, if there are any.
    pub fn of(size: usize) -> Option<Self> {
        (size > 0 && size.is_multiple_of(BLOCK)).then_some(Self)
    }

    /// Copies `size` bytes.
    ///
    /// # Safety
    /// `self` must be from `of(size)`. `from` and `to` must have `size` bytes each, and must not
    /// overlap.
    #[inline]
    pub unsafe fn copy(self, from: *const u8, to: *mut u8, size: usize) {
        // SAFETY: the caller's promise.
        unsafe { copy(from, to, size) }
    }
}

/// How many of `size` bytes vectors can copy: whole blocks.
pub fn vector_bytes(size: usize) -> usize {
    size & !(BLOCK - 1)
}

/// Copies `size` bytes, which `vector_bytes` has returned.
///
/// # Safety
/// `from` and `to` must have `size` bytes each, and must not overlap.
pub unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    for at in (0..size).step_by(BLOCK) {
        // SAFETY: the caller's promise.
        unsafe { copy_one(from.add(at), to.add(at)) };
    }
}
