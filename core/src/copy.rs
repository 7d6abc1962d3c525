//! Copying bytes into shared words and out of them, word by word with relaxed atomics: racing with
//! another copy is no data race in Rust's or C11's terms. Whether what came out is whole is not
//! decided here.

use crate::layout::WORD;
use crate::sync::{AtomicU64, Ordering};

/// Stores `bytes` into the first words; the last one is padded with zeros.
///
/// `words` must have room: `bytes.len()` rounded up to words.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    for (word, chunk) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
    }
    if !rest.is_empty() {
        let mut chunk = [0; WORD];
        chunk[..rest.len()].copy_from_slice(rest);
        words[whole.len()].store(u64::from_ne_bytes(chunk), Ordering::Relaxed);
    }
}

/// Loads the first words into `bytes`, as many as it has room for.
///
/// `words` must hold at least `bytes.len()` rounded up to words.
pub fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    let (whole, rest) = bytes.as_chunks_mut::<WORD>();
    for (word, chunk) in words.iter().zip(&mut *whole) {
        *chunk = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    if !rest.is_empty() {
        let chunk = words[whole.len()].load(Ordering::Relaxed).to_ne_bytes();
        rest.copy_from_slice(&chunk[..rest.len()]);
    }
}

#[cfg(all(test, not(pegel_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_padding_is_zero() {
        let source: Vec<u8> = (1..=40).collect();
        for length in 0..=source.len() {
            let words: Vec<_> = (0..6).map(|_| AtomicU64::new(u64::MAX)).collect();
            copy_in(&words, &source[..length]);
            let mut back = vec![0; length];
            copy_out(&words, &mut back);
            assert_eq!(back, source[..length]);
            if !length.is_multiple_of(WORD) {
                let mut padded = vec![1; length.next_multiple_of(WORD)];
                copy_out(&words, &mut padded);
                assert!(padded[length..].iter().all(|&byte| byte == 0));
            }
        }
    }
}
