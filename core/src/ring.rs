//! The ring: one writer at a time publishes, any number of readers copy, nobody waits for anybody.
//!
//! # The words
//!
//! N slots, each a stamp and a payload, and one word that is the whole commit: `head`, the newest
//! sequence. Sequence s lives in slot s mod N. `head` holds `s << 1`; its lowest bit says that the
//! board is gone (replaced or unlinked), so that one load tells a reader both, and so that the low
//! half that waiters sleep on changes with either.
//!
//! # The writer's path
//!
//! It holds the writer lock, which is not the ring's business. For s = head + 1: a release fence,
//! then stamp and payload go into slot s mod N with relaxed stores, then head = s with release.
//! Nothing else is ever written, so a writer that dies has committed or it has not. A half-written
//! slot s is one that no reader would accept, and the next writer writes the same s over it.
//!
//! # The reader's path
//!
//! h = head, acquire; copy slot h mod N with relaxed loads; an acquire fence; head again. The copy
//! is whole if head has moved by at most N - 2. Readers store nothing, so they can be killed or
//! stopped anywhere, share cache lines, and work on a read-only mapping.
//!
//! # Why that is enough
//!
//! * Nothing older than h: the first load of head synchronises with the release store of h, so the
//!   words of h, and of all before it, happened before the copy.
//! * Nothing newer than h: slot h mod N is next written for h + N. Suppose the copy saw one of those
//!   words. The writer stored head = h + N - 1, then passed its release fence, then stored the word;
//!   the reader loaded the word, then passed its acquire fence. Fence to fence, these synchronise
//!   (C11 7.17.4), so the second load of head sees at least h + N - 1: it has moved by N - 1 or more,
//!   and the copy is thrown away.
//! * The bound is as wide as it may be: with head at h + N - 1, the writer may be in the slot.
//!
//! `tests/loom.rs` checks this very code for 2 and 4 slots, with a writer that dies between any two stores,
//! and that it fails when either fence, an order of head, or the bound is weakened.
//!
//! # Sources
//!
//! H.-J. Boehm, *Can seqlocks get along with programming language memory models?*, MSPC 2012, for
//! the fences; L. Lamport, *Concurrent reading and writing*, CACM 20 (11), 1977, for the idea.

#![forbid(unsafe_code)]

use crate::copy::{copy_in, copy_out};
use crate::layout::{STAMP_WORDS, WORD};
use crate::sync::{AtomicU64, Ordering, fence, load_acquire};

/// Set in the head word when the board was replaced or unlinked.
const GONE: u64 = 1;
/// The highest sequence: head keeps one bit for itself.
pub const MAX_SEQUENCE: u64 = u64::MAX >> 1;

/// The words before a payload. Their last one is the payload's length in bytes, which the ring
/// itself needs; the others are none of its business.
pub type Stamp = [u64; STAMP_WORDS];
const LENGTH: usize = STAMP_WORDS - 1;

/// What the commit word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest sequence.
    pub sequence: u64,
    /// Replaced or unlinked.
    pub gone: bool,
}

impl Head {
    /// The head of a word.
    pub fn of(word: u64) -> Self {
        Self {
            sequence: word >> 1,
            gone: word & GONE != 0,
        }
    }

    /// The word of a head.
    pub fn word(self) -> u64 {
        self.sequence << 1 | u64::from(self.gone)
    }
}

/// A view of a ring's words.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'words> {
    head: &'words AtomicU64,
    slots: &'words [AtomicU64],
    slot_words: usize,
    slot_count: u32,
}

impl<'words> Ring<'words> {
    /// A ring of `slots.len() / slot_words` slots, which must be a power of two.
    #[allow(clippy::cast_possible_truncation)] // far fewer than 2^32
    pub fn new(head: &'words AtomicU64, slots: &'words [AtomicU64], slot_words: usize) -> Self {
        Self {
            head,
            slots,
            slot_words,
            slot_count: (slots.len() / slot_words) as u32,
        }
    }

    /// The newest publication and whether the board is gone. One load.
    pub fn head(&self) -> Head {
        Head::of(load_acquire(self.head))
    }

    /// Publishes `sequence`, which must be one more than head's. Only for the holder of the lock.
    pub fn publish(&self, sequence: u64, stamp: &Stamp, payload: &[u8]) {
        debug_assert!(sequence <= MAX_SEQUENCE, "the head has no room for it");
        // Orders the store of the head before this one ahead of the words below: whoever sees one of
        // them sees that head too, and knows that this slot is in use.
        fence(Ordering::Release);
        let (stamp_words, payload_words) = self.slot(sequence).split_at(STAMP_WORDS);
        for (word, value) in stamp_words.iter().zip(stamp) {
            word.store(*value, Ordering::Relaxed);
        }
        copy_in(payload_words, payload);
        let head = Head {
            sequence,
            gone: false,
        };
        // Whoever sees this head sees the words above.
        self.head.store(head.word(), Ordering::Release);
    }

    /// Marks the board as gone: replaced or unlinked. Only for the holder of the lock.
    pub fn mark_gone(&self) {
        let word = self.head.load(Ordering::Relaxed);
        self.head.store(word | GONE, Ordering::Release);
    }

    /// Takes the mark back: whoever set it died before the board was gone. Only for the holder of the
    /// lock.
    pub fn unmark_gone(&self) {
        let word = self.head.load(Ordering::Relaxed);
        self.head.store(word & !GONE, Ordering::Release);
    }

    /// Copies publication `sequence` into `stamp` and `payload`, as much as there is of it and room for
    /// it: the length is in the stamp. The caller must have seen a head that is not before it.
    ///
    /// Says whether the two are whole. If not, the writer has come too near: they mean nothing, and the
    /// caller starts over with a newer sequence.
    #[must_use]
    #[inline]
    pub fn copy(&self, sequence: u64, stamp: &mut Stamp, payload: &mut [u8]) -> bool {
        let (stamp_words, payload_words) = self.slot(sequence).split_at(STAMP_WORDS);
        for (value, word) in stamp.iter_mut().zip(stamp_words) {
            *value = word.load(Ordering::Relaxed);
        }
        // The length is not known to be whole yet: it may say anything.
        let room = payload.len().min(payload_words.len() * WORD);
        copy_out(payload_words, &mut payload[..length(stamp).min(room)]);
        // Orders the loads above before the load below: if one of them saw a newer publication's
        // word, this load sees how far the writer had come before it.
        fence(Ordering::Acquire);
        let head = Head::of(self.head.load(Ordering::Relaxed));
        is_whole(head, sequence, self.slot_count)
    }

    fn slot(&self, sequence: u64) -> &'words [AtomicU64] {
        #[allow(clippy::cast_possible_truncation)] // less than the number of slots
        let start = (sequence & u64::from(self.slot_count - 1)) as usize * self.slot_words;
        &self.slots[start..start + self.slot_words]
    }
}

/// Whether a copy of `sequence` was finished, as the head says that was loaded after it, before the
/// writer came near its slot.
pub fn is_whole(head: Head, sequence: u64, slot_count: u32) -> bool {
    let moved = head.sequence.wrapping_sub(sequence);
    moved
        .checked_add(headroom())
        .is_some_and(|distance| distance <= u64::from(slot_count))
}

/// The payload's length in bytes, as a stamp has it.
pub fn length(stamp: &Stamp) -> usize {
    usize::try_from(stamp[LENGTH]).unwrap_or(usize::MAX)
}

/// Slots that a reader keeps away from the writer: the one that it may be in, and the one behind
/// which the second look at head can prove nothing.
#[cfg(not(pegel_loom))]
const fn headroom() -> u64 {
    2
}

#[cfg(pegel_loom)]
fn headroom() -> u64 {
    use crate::sync::{Fault, is_seeded};
    if is_seeded(Fault::WiderBound) { 1 } else { 2 }
}

#[cfg(all(test, not(pegel_loom)))]
mod tests {
    use super::*;

    const SLOT_WORDS: usize = STAMP_WORDS + 1;

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(0)).collect()
    }

    fn stamp(sequence: u64, length: u64) -> Stamp {
        [sequence, sequence, sequence, sequence, sequence, length]
    }

    #[test]
    fn history_reaches_back_to_the_bound_and_no_further() {
        let (head, slots) = (AtomicU64::new(0), words(4 * SLOT_WORDS));
        let ring = Ring::new(&head, &slots, SLOT_WORDS);
        for sequence in 1..=10 {
            ring.publish(sequence, &stamp(sequence, 8), &sequence.to_ne_bytes());
        }
        let (mut found, mut payload) = (Stamp::default(), [0; 8]);
        for sequence in [10, 9, 8] {
            assert!(ring.copy(sequence, &mut found, &mut payload));
            assert_eq!(found, stamp(sequence, 8));
            assert_eq!(payload, sequence.to_ne_bytes());
        }
        assert!(!ring.copy(7, &mut found, &mut payload));
        assert!(!ring.copy(11, &mut found, &mut payload));
    }

    #[test]
    fn an_unfinished_publication_hides_nothing() {
        let (head, slots) = (AtomicU64::new(0), words(4 * SLOT_WORDS));
        let ring = Ring::new(&head, &slots, SLOT_WORDS);
        ring.publish(1, &stamp(1, 8), &[1; 8]);
        slots[2 * SLOT_WORDS].store(u64::MAX, Ordering::Relaxed);
        let (mut found, mut payload) = (Stamp::default(), [0; 8]);
        assert_eq!(ring.head().sequence, 1);
        assert!(ring.copy(1, &mut found, &mut payload));
        assert_eq!((found, payload), (stamp(1, 8), [1; 8]));
        ring.publish(2, &stamp(2, 8), &[2; 8]);
        assert!(ring.copy(2, &mut found, &mut payload));
        assert_eq!((found, payload), (stamp(2, 8), [2; 8]));
    }

    #[test]
    fn a_hostile_length_stays_within_slot_and_buffer() {
        let (head, slots) = (AtomicU64::new(0), words(4 * SLOT_WORDS));
        let ring = Ring::new(&head, &slots, SLOT_WORDS);
        ring.publish(1, &stamp(1, u64::MAX), &[1; 8]);
        for room in [0, 5, 8, 64] {
            let (mut found, mut payload) = (Stamp::default(), vec![7; room]);
            assert!(ring.copy(1, &mut found, &mut payload));
            assert_eq!(found, stamp(1, u64::MAX));
            assert!(payload.iter().take(8).all(|&byte| byte == 1));
            assert!(payload.iter().skip(8).all(|&byte| byte == 7));
        }
    }

    #[test]
    fn gone_keeps_the_sequence() {
        let (head, slots) = (AtomicU64::new(0), words(4 * SLOT_WORDS));
        let ring = Ring::new(&head, &slots, SLOT_WORDS);
        ring.publish(1, &stamp(1, 0), &[]);
        ring.mark_gone();
        let gone = Head {
            sequence: 1,
            gone: true,
        };
        assert_eq!(ring.head(), gone);
        let mut found = Stamp::default();
        assert!(ring.copy(1, &mut found, &mut []));
        assert_eq!(found, stamp(1, 0));
    }
}
