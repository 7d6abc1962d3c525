//! The copies of x86-64: by AVX-512, AVX, or SSE, which every such processor has.

use super::BLOCK;
use crate::ring::WORD;

/// Assembly that ends with `vzeroupper`, which clears the upper parts of all these registers.
macro_rules! vectors {
    ($($part:tt)*) => {
        std::arch::asm!(
            $($part)*
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        )
    };
}

/// Whether this processor can execute `copy_one`.
pub fn has_one_block() -> bool {
    std::arch::is_x86_feature_detected!("avx")
}

/// Copies one block.
///
/// # Safety
/// `has_one_block` must be true. `from` and `to` must have a block each, and must not overlap.
#[inline]
pub unsafe fn copy_one(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        vectors!(
            "vmovups ymm0, [{from}]",
            "vmovups ymm1, [{from} + 32]",
            "vmovups [{to}], ymm0",
            "vmovups [{to} + 32], ymm1",
            "vzeroupper",
            from = in(reg) from,
            to = in(reg) to,
        );
    }
}

/// The vector instructions of this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    Avx,
    Avx512,
}

impl Vectors {
    /// The fastest instructions for `size` bytes, if there are any.
    pub fn of(size: usize) -> Option<Self> {
        if size > BLOCK && std::arch::is_x86_feature_detected!("avx512f") {
            return Some(Self::Avx512);
        }
        let has_avx = size >= WORD && std::arch::is_x86_feature_detected!("avx");
        has_avx.then_some(Self::Avx)
    }

    /// Copies `size` bytes, which need not be whole words.
    ///
    /// # Safety
    /// `self` must be from `of(size)`. `from` and `to` must have `size` bytes each, and must not
    /// overlap.
    #[inline]
    pub unsafe fn copy(self, from: *const u8, to: *mut u8, size: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Avx => copy_avx(from, to, size),
                Self::Avx512 => copy_avx512(from, to, size),
            }
        }
    }
}

/// As `copy_avx`, for more than a block.
///
/// # Safety
/// The processor must have AVX-512F. `from` and `to` must have `size` bytes each, more than a
/// block, and must not overlap.
#[inline]
unsafe fn copy_avx512(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: the caller's promise. All accesses are within `size` bytes: each branch has at least
    // as many as it loads from each end; in the loop, the offset starts at 64 or less, and grows by
    // 256 while it is below size - 256.
    unsafe {
        vectors!(
            "vmovups zmm0, [{from}]",
            "vmovups zmm7, [{from} + {size} - 64]",
            "cmp {size}, 128",
            "jbe 3f",
            "vmovups zmm6, [{from} + {size} - 128]",
            "cmp {size}, 256",
            "ja 5f",
            "vmovups zmm1, [{from} + 64]",
            "vmovups [{to} + 64], zmm1",
            "jmp 2f",
            "5:",
            "vmovups zmm4, [{from} + {size} - 256]",
            "vmovups zmm5, [{from} + {size} - 192]",
            "vmovups [{to}], zmm0",
            "mov {at}, {to}",
            "and {at}, 63",
            "neg {at}",
            "add {at}, 64",
            "lea {end}, [{size} - 256]",
            "cmp {at}, {end}",
            "jae 7f",
            ".p2align 4",
            "6:",
            "vmovups zmm0, [{from} + {at}]",
            "vmovups zmm1, [{from} + {at} + 64]",
            "vmovups zmm2, [{from} + {at} + 128]",
            "vmovups zmm3, [{from} + {at} + 192]",
            "vmovups [{to} + {at}], zmm0",
            "vmovups [{to} + {at} + 64], zmm1",
            "vmovups [{to} + {at} + 128], zmm2",
            "vmovups [{to} + {at} + 192], zmm3",
            "add {at}, 256",
            "cmp {at}, {end}",
            "jb 6b",
            "7:",
            "vmovups [{to} + {size} - 256], zmm4",
            "vmovups [{to} + {size} - 192], zmm5",
            "vmovups [{to} + {size} - 128], zmm6",
            "jmp 4f",
            "2:",
            "vmovups [{to} + {size} - 128], zmm6",
            "3:",
            "vmovups [{to}], zmm0",
            "4:",
            "vmovups [{to} + {size} - 64], zmm7",
            "vzeroupper",
            from = in(reg) from,
            to = in(reg) to,
            size = in(reg) size,
            at = out(reg) _,
            end = out(reg) _,
        );
    }
}

/// Copies `size` bytes, which need not be whole words. The last ones are loaded with the first, and
/// stored at the end. The stores in between are aligned, as one that crosses a cache line costs
/// more than two loads that do.
///
/// # Safety
/// The processor must have AVX. `from` and `to` must have `size` bytes each, a word at least, and
/// must not overlap.
#[inline]
unsafe fn copy_avx(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: the caller's promise. All accesses are within `size` bytes: each branch has at least
    // as many as it loads from each end; in the loop, the offset starts at 32 or less, and grows by
    // 128 while it is below size - 128.
    unsafe {
        vectors!(
            "cmp {size}, 64",
            "jb 6f",
            "vmovups ymm0, [{from}]",
            "vmovups ymm1, [{from} + 32]",
            "vmovups ymm2, [{from} + {size} - 64]",
            "vmovups ymm3, [{from} + {size} - 32]",
            "cmp {size}, 128",
            "jbe 3f",
            "vmovups ymm4, [{from} + {size} - 128]",
            "vmovups ymm5, [{from} + {size} - 96]",
            "vmovups [{to}], ymm0",
            "mov {at}, {to}",
            "and {at}, 31",
            "neg {at}",
            "add {at}, 32",
            "lea {end}, [{size} - 128]",
            "cmp {at}, {end}",
            "jae 5f",
            ".p2align 4",
            "2:",
            "vmovups ymm0, [{from} + {at}]",
            "vmovups ymm1, [{from} + {at} + 32]",
            "vmovups ymm6, [{from} + {at} + 64]",
            "vmovups ymm7, [{from} + {at} + 96]",
            "vmovups [{to} + {at}], ymm0",
            "vmovups [{to} + {at} + 32], ymm1",
            "vmovups [{to} + {at} + 64], ymm6",
            "vmovups [{to} + {at} + 96], ymm7",
            "sub {at}, -128",
            "cmp {at}, {end}",
            "jb 2b",
            "5:",
            "vmovups [{to} + {size} - 128], ymm4",
            "vmovups [{to} + {size} - 96], ymm5",
            "jmp 4f",
            "3:",
            "vmovups [{to}], ymm0",
            "vmovups [{to} + 32], ymm1",
            "4:",
            "vmovups [{to} + {size} - 64], ymm2",
            "vmovups [{to} + {size} - 32], ymm3",
            "vzeroupper",
            "jmp 9f",
            "6:",
            "cmp {size}, 32",
            "jb 7f",
            "vmovups ymm0, [{from}]",
            "vmovups ymm1, [{from} + {size} - 32]",
            "vmovups [{to}], ymm0",
            "vmovups [{to} + {size} - 32], ymm1",
            "vzeroupper",
            "jmp 9f",
            "7:",
            "cmp {size}, 16",
            "jb 8f",
            "vmovups xmm0, [{from}]",
            "vmovups xmm1, [{from} + {size} - 16]",
            "vmovups [{to}], xmm0",
            "vmovups [{to} + {size} - 16], xmm1",
            "jmp 9f",
            "8:",
            "mov {at}, [{from}]",
            "mov {end}, [{from} + {size} - 8]",
            "mov [{to}], {at}",
            "mov [{to} + {size} - 8], {end}",
            "9:",
            from = in(reg) from,
            to = in(reg) to,
            size = in(reg) size,
            at = out(reg) _,
            end = out(reg) _,
        );
    }
}

/// How many of `size` bytes vectors can copy: whole words.
pub fn vector_bytes(size: usize) -> usize {
    if size < BLOCK { 0 } else { size & !(WORD - 1) }
}

/// Copies `size` bytes, which `vector_bytes` has returned, and which are not 0.
///
/// # Safety
/// `from` and `to` must have `size` bytes each, and must not overlap.
pub unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: the caller's promise. The processor has what `Vectors::of` returns, and every x86-64
    // has SSE.
    unsafe {
        match Vectors::of(size) {
            Some(vectors) => vectors.copy(from, to, size),
            None => copy_sse(from, to, size),
        }
    }
}

/// # Safety
/// As for `copy`.
unsafe fn copy_sse(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: the caller's promise, and a block at least. The last one may overlap the one before.
    unsafe {
        let last = size - BLOCK;
        for at in (0..last).step_by(BLOCK).chain([last]) {
            std::arch::asm!(
                "movups {a}, [{from}]",
                "movups {b}, [{from} + 16]",
                "movups {c}, [{from} + 32]",
                "movups {d}, [{from} + 48]",
                "movups [{to}], {a}",
                "movups [{to} + 16], {b}",
                "movups [{to} + 32], {c}",
                "movups [{to} + 48], {d}",
                from = in(reg) from.add(at),
                to = in(reg) to.add(at),
                a = out(xmm_reg) _,
                b = out(xmm_reg) _,
                c = out(xmm_reg) _,
                d = out(xmm_reg) _,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(test)]
#[test]
fn a_caller_keeps_its_vectors() {
    use std::arch::x86_64::{_mm256_add_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_storeu_ps};

    /// Whether a sum in vector registers is right if `between` is called between the additions.
    #[target_feature(enable = "avx")]
    fn is_kept(between: impl Fn()) -> bool {
        let (ones, mut sums) = ([1_f32; 8], [0; 8]);
        let mut sum = _mm256_setzero_ps();
        for _ in 0..100 {
            // SAFETY: there are eight floats.
            let ones = unsafe { _mm256_loadu_ps(std::hint::black_box(&ones).as_ptr()) };
            sum = _mm256_add_ps(sum, ones);
            between();
        }
        // SAFETY: `sums` has room for eight floats.
        unsafe { _mm256_storeu_ps(sums.as_mut_ptr().cast(), sum) };
        sums == [100_f32.to_bits(); 8]
    }

    if !has_one_block() {
        return;
    }
    let (from, mut to) = ([7_u8; 200], [0_u8; 200]);
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    // SAFETY: the processor has AVX, and both sides have 200 bytes.
    unsafe {
        assert!(is_kept(|| copy_one(from, to)));
        assert!(is_kept(|| copy_avx(from, to, 200)));
        if Vectors::of(200) == Some(Vectors::Avx512) {
            assert!(is_kept(|| copy_avx512(from, to, 200)));
        }
    }
}

#[cfg(test)]
#[test]
fn all_ways_copy_the_same() {
    let source: Vec<u8> = (0..=255).cycle().take(1200).collect();
    let check = |size, way: unsafe fn(*const u8, *mut u8, usize)| {
        for start in 0..64 {
            let mut copied = vec![0; 1200];
            // SAFETY: both sides have room for 64 + 1024 bytes, and `way` can copy `size`.
            unsafe { way(source[7..].as_ptr(), copied[start..].as_mut_ptr(), size) };
            assert_eq!(copied[start..start + size], source[7..7 + size]);
            assert!(copied[..start].iter().all(|&byte| byte == 0));
            assert!(copied[start + size..].iter().all(|&byte| byte == 0));
        }
    };
    for size in 0..=1024 {
        if size >= WORD && std::arch::is_x86_feature_detected!("avx") {
            check(size, copy_avx);
        }
        if Vectors::of(size) == Some(Vectors::Avx512) {
            check(size, copy_avx512);
        }
        if vector_bytes(size) > 0 {
            check(vector_bytes(size), copy_sse);
        }
    }
}
