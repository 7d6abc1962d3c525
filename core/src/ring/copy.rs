//! Copies bytes into shared words and out of them while other processes do the same, without a data
//! race in the sense of Rust or C11. `protocol` decides whether a copy is whole.
//!
//! The portable copy, which loom models, is a loop of relaxed atomics. Compilers never merge such
//! accesses, so it moves 8 bytes at a time. `blocks` copies more at once, by assembly.

#![allow(unsafe_code)]

use crate::ring::WORD;
use crate::ring::blocks::{self, BLOCK, Vectors};
use crate::ring::sync::{AtomicU64, Ordering};

/// Stores `bytes` into the first words, and pads the last one with zeros. There must be enough
/// words.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    let words = &words[..bytes.len().div_ceil(WORD)];
    let done = blocks::copy_in(words, bytes);
    let (whole, rest) = bytes[done..].as_chunks::<WORD>();
    let words = &words[done / WORD..];
    for (word, chunk) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    }
    if !rest.is_empty() {
        let mut chunk = [0; WORD];
        chunk[..rest.len()].copy_from_slice(rest);
        words[whole.len()].store(u64::from_ne_bytes(chunk), Ordering::Relaxed);
    }
}

/// Fills `bytes` from byte `offset` of the words on. There must be enough words.
pub fn copy_out(words: &[AtomicU64], offset: usize, bytes: &mut [u8]) {
    let (mut words, start) = (&words[offset / WORD..], offset % WORD);
    let mut bytes = bytes;
    if start > 0 {
        let (head, rest) = bytes.split_at_mut(bytes.len().min(WORD - start));
        load_part(&words[0], start, head);
        (words, bytes) = (&words[1..], rest);
    }
    let words = &words[..bytes.len().div_ceil(WORD)];
    let done = blocks::copy_out(words, bytes);
    let (whole, rest) = bytes[done..].as_chunks_mut::<WORD>();
    let words = &words[done / WORD..];
    for (word, chunk) in words.iter().zip(&mut *whole) {
        *chunk = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    if !rest.is_empty() {
        load_part(&words[whole.len()], 0, rest);
    }
}

fn load_part(word: &AtomicU64, start: usize, bytes: &mut [u8]) {
    let chunk = word.load(Ordering::Relaxed).to_ne_bytes();
    bytes.copy_from_slice(&chunk[start..start + bytes.len()]);
}

/// How to copy payloads of one size, chosen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of a payload.
    size: usize,
    /// Whether a payload is one block, which the processor can copy without a loop.
    is_one_block: bool,
    /// The instructions that copy a whole payload, if there are any.
    vectors: Option<Vectors>,
}

impl Plan {
    /// For payloads of `size` bytes.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            is_one_block: size == BLOCK && blocks::has_one_block(),
            vectors: Vectors::of(size),
        }
    }

    /// Whether a payload is one block, which the processor can copy without a loop.
    #[cfg(not(pegel_loom))]
    #[inline]
    pub fn is_one_block(&self) -> bool {
        self.is_one_block
    }

    /// Words of a payload.
    pub fn words(&self) -> usize {
        self.size.div_ceil(WORD)
    }
}

/// A payload in shared words.
#[derive(Clone, Copy, Debug)]
pub struct SlotBytes<'words> {
    start: *const AtomicU64,
    plan: &'words Plan,
}

impl<'words> SlotBytes<'words> {
    /// # Safety
    /// `start` must point to as many words as the plan has, which live as long as the plan.
    pub unsafe fn new(start: *const AtomicU64, plan: &'words Plan) -> Self {
        Self { start, plan }
    }

    /// A payload in these words.
    #[cfg(any(test, pegel_loom))]
    pub fn of(words: &'words [AtomicU64], plan: &'words Plan) -> Self {
        assert!(words.len() >= plan.words());
        // SAFETY: the assertion, and both have the same lifetime.
        unsafe { Self::new(words.as_ptr(), plan) }
    }

    /// All its words.
    pub fn words(self) -> &'words [AtomicU64] {
        // SAFETY: the promise of `new`.
        unsafe { std::slice::from_raw_parts(self.start, self.plan.words()) }
    }

    /// Loads the whole payload into the start of `bytes`; `false` if it does not fit.
    #[inline]
    pub fn copy_all_out(self, bytes: &mut [u8]) -> bool {
        let Some(bytes) = bytes.get_mut(..self.plan.size) else {
            return false;
        };
        match self.plan.vectors {
            // SAFETY: both sides have `size` bytes, and `bytes` is exclusive.
            Some(vectors) => unsafe {
                vectors.copy(self.start.cast(), bytes.as_mut_ptr(), self.plan.size);
            },
            None => copy_out(self.words(), 0, bytes),
        }
        true
    }

    /// Stores a whole payload, without the padding of the last word; `false` if `bytes` has another
    /// size.
    #[inline]
    pub fn copy_all_in(self, bytes: &[u8]) -> bool {
        if bytes.len() != self.plan.size {
            return false;
        }
        let to = self.start.cast_mut().cast();
        match self.plan.vectors {
            // SAFETY: both sides have `size` bytes, and `bytes` is only loaded. Atomics may be
            // stored to through a shared pointer.
            Some(vectors) => unsafe { vectors.copy(bytes.as_ptr(), to, self.plan.size) },
            None => copy_in(self.words(), bytes),
        }
        true
    }

    /// As `copy_all_out`, for a payload of one block; else `false`.
    #[inline]
    pub fn copy_block_out(self, block: &mut [u8; BLOCK]) -> bool {
        if self.plan.is_one_block {
            // SAFETY: both sides have one block, and `block` is exclusive.
            unsafe { blocks::copy_one(self.start.cast(), block.as_mut_ptr()) };
        }
        self.plan.is_one_block
    }

    /// Loads the word at an offset; `false` if that is not a multiple of a word's bytes, or too
    /// large.
    #[inline]
    pub fn copy_word_out(self, offset: usize, bytes: &mut [u8; WORD]) -> bool {
        let word = self.words().get(offset / WORD);
        let word = word.filter(|_| offset.is_multiple_of(WORD) && offset + WORD <= self.plan.size);
        word.inspect(|word| *bytes = word.load(Ordering::Relaxed).to_ne_bytes())
            .is_some()
    }

    /// As `copy_all_in`, for a payload of one block; else `false`.
    #[inline]
    pub fn copy_block_in(self, block: &[u8; BLOCK]) -> bool {
        if self.plan.is_one_block {
            // SAFETY: both sides have one block, and `block` is only loaded. Atomics may be stored
            // to through a shared pointer.
            unsafe { blocks::copy_one(block.as_ptr(), self.start.cast_mut().cast()) };
        }
        self.plan.is_one_block
    }
}

#[cfg(all(test, not(pegel_loom)))]
mod tests {
    use super::*;

    #[test]
    fn copies_every_length_and_pads_with_zeros() {
        let source: Vec<u8> = (0..=255).cycle().skip(1).take(700).collect();
        for length in 0..=source.len() {
            // At every alignment of the caller's bytes.
            let start = length % 16;
            let words: Vec<_> = (0..90).map(|_| AtomicU64::new(u64::MAX)).collect();
            let mut copied = vec![0; start + length];
            copied[start..].copy_from_slice(&source[..length]);
            copy_in(&words, &copied[start..]);
            let mut back = vec![0; start + length + 1];
            copy_out(&words, 0, &mut back[start..start + length]);
            assert_eq!(back[start..start + length], source[..length]);
            assert_eq!(back[start + length], 0, "after the end");
            let (offset, mut part) = (length / 3, vec![0; length - length / 3]);
            copy_out(&words, offset, &mut part);
            assert_eq!(part, source[offset..length]);
            let used = length.next_multiple_of(WORD);
            let mut padded = vec![1; used];
            copy_out(&words, 0, &mut padded);
            assert!(padded[length..].iter().all(|&byte| byte == 0));
            let is_untouched = |word: &AtomicU64| word.load(Ordering::Relaxed) == u64::MAX;
            assert!(words[used / WORD..].iter().all(is_untouched));
        }
    }
}
