//! The copies of aarch64, by pairs of vectors.

use super::BLOCK;

/// Whether this processor has what `copy_one` needs: all do.
pub fn has_one_block() -> bool {
    true
}

/// Copies one block.
///
/// # Safety
/// `from` and `to` have a block each, which do not overlap.
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

/// What this processor copies by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vectors;

impl Vectors {
    /// Those for so many bytes, if there are any.
    pub fn of(size: usize) -> Option<Self> {
        (size > 0 && size.is_multiple_of(BLOCK)).then_some(Self)
    }

    /// Copies `size` bytes.
    ///
    /// # Safety
    /// These are the vectors of so many. `from` and `to` have so many bytes each, which do not overlap.
    #[inline]
    pub unsafe fn copy(self, from: *const u8, to: *mut u8, size: usize) {
        // SAFETY: the caller's promise.
        unsafe { copy(from, to, size) }
    }
}

/// How many of so many bytes vectors copy: whole blocks.
pub fn whole(size: usize) -> usize {
    size & !(BLOCK - 1)
}

/// Copies `size` bytes, as `whole` gives it.
///
/// # Safety
/// `from` and `to` have so many bytes each, which do not overlap.
pub unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    for at in (0..size).step_by(BLOCK) {
        // SAFETY: the caller's promise.
        unsafe { copy_one(from.add(at), to.add(at)) };
    }
}
