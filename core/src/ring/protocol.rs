//! The ring: one writer at a time publishes, any number of readers copy, and none of them waits.
//!
//! # The words
//!
//! N slots, each with a payload and a stamp, and one word that commits: `head`, the newest
//! sequence. Sequence s is in slot s mod N. `head` is `s << 1`; its lowest bit is set when the
//! board is gone (replaced or unlinked). So one load returns both, and the low half, on which
//! waiters sleep, changes with either.
//!
//! # The writer's path
//!
//! The caller holds the writer lock. For s = head + 1: a release fence, then relaxed stores of
//! payload and stamp into slot s mod N, then head = s with release. Nothing else is written, so a
//! writer that crashes has either committed or not. No reader accepts a half-written slot s, and
//! the next writer overwrites it with the same s.
//!
//! # The reader's path
//!
//! h = head with acquire; relaxed loads of slot h mod N; an acquire fence; head again. The copy is
//! whole if head has moved by at most N - 2. Readers store nothing, so they can be killed or
//! stopped anywhere, share cache lines, and work on a read-only mapping.
//!
//! # Proof
//!
//! * A copy has nothing older than h: the first load of head synchronises with the release store of
//!   h, so the stores of h, and of all before it, happened before the copy.
//! * A copy has nothing newer than h: slot h mod N is next written for h + N. Suppose that the copy
//!   loaded one of those words. The writer stored head = h + N - 1, then passed its release fence,
//!   then stored the word; the reader loaded the word, then passed its acquire fence. These fences
//!   synchronise (C11 7.17.4), so the second load of head returns at least h + N - 1: head has
//!   moved by N - 1 or more, and the reader discards the copy.
//! * The bound cannot be wider: with head at h + N - 1, the writer may be in the slot.
//!
//! `tests/loom.rs` checks this code for 2 and 4 slots, with a writer that crashes between any two
//! stores, and checks that it fails when either fence, an ordering of head, or the bound is
//! weakened.
//!
//! # Sources
//!
//! H.-J. Boehm, *Can seqlocks get along with programming language memory models?*, MSPC 2012, for
//! the fences; L. Lamport, *Concurrent reading and writing*, CACM 20 (11), 1977, for the idea.

#![forbid(unsafe_code)]

use crate::ring::blocks::BLOCK;
use crate::ring::copy::{SlotBytes, copy_in, copy_out};
use crate::ring::sync::{AtomicU64, Ordering, fence, load_acquire};

/// Set in the head word when the board was replaced or unlinked.
const GONE: u64 = 1;
/// The highest sequence: head keeps one bit for itself.
pub const MAX_SEQUENCE: u64 = u64::MAX >> 1;

/// Bytes of a word, the unit of every access to the shared part.
pub const WORD: usize = 8;
/// Words of a slot's stamp. It follows the payload, so that a payload begins on a cache line, and a
/// reader that needs no stamp touches no cache line of it. loom's models have fewer words, as each
/// one multiplies their time, and all are alike to the ring.
pub const STAMP_WORDS: usize = if cfg!(pegel_loom) { 3 } else { 6 };

/// The words after a payload. The ring itself only uses the first half of the last one, which is
/// the payload's length in bytes.
pub type StampWords = [u64; STAMP_WORDS];
const LENGTH: usize = STAMP_WORDS - 1;

/// The commit word, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest sequence.
    pub sequence: u64,
    /// Whether the board was replaced or unlinked.
    pub gone: bool,
}

impl Head {
    /// Decodes a word.
    pub fn of(word: u64) -> Self {
        Self {
            sequence: word >> 1,
            gone: word & GONE != 0,
        }
    }

    /// Encodes the word.
    pub fn word(self) -> u64 {
        self.sequence << 1 | u64::from(self.gone)
    }
}

/// The place of one publication.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'words> {
    /// The record's bytes.
    pub payload: SlotBytes<'words>,
    /// What is known of the record.
    pub stamp: &'words [AtomicU64; STAMP_WORDS],
}

/// The memory of a ring.
pub trait Memory {
    /// The commit word.
    fn head(&self) -> &AtomicU64;
    /// The number of slots, which is a power of two, minus one.
    fn last_slot(&self) -> u64;
    /// The slot of a sequence.
    fn slot(&self, sequence: u64) -> Slot<'_>;
}

/// A ring in this memory.
#[derive(Debug)]
pub struct Ring<'memory, M>(pub &'memory M);

impl<M> Clone for Ring<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Ring<'_, M> {}

impl<M: Memory> Ring<'_, M> {
    /// The newest publication and whether the board is gone. One load.
    #[inline]
    pub fn head(self) -> Head {
        Head::of(load_acquire(self.0.head()))
    }

    /// Publishes `sequence`, which must be one more than head's. The caller must hold the lock.
    pub fn publish(self, sequence: u64, stamp: &StampWords, payload: &[u8]) {
        debug_assert!(sequence <= MAX_SEQUENCE, "the head has no room for it");
        // Orders the store of the previous head before the stores below: a reader that loads one of
        // their words also loads that head or a later one, and discards its copy.
        fence(Ordering::Release);
        let slot = self.0.slot(sequence);
        if !slot.payload.copy_all_in(payload) {
            copy_in(slot.payload.words(), payload);
        }
        for (word, value) in slot.stamp.iter().zip(stamp) {
            word.store(*value, Ordering::Relaxed);
        }
        self.commit(sequence);
    }

    /// Publishes a whole payload as `sequence`, without changing the slot's stamp; `false` if the
    /// payload has another size. The caller must hold the lock, `sequence` must be one more than
    /// head's, and the slot must already have the right stamp.
    #[inline]
    pub fn publish_payload(self, sequence: u64, payload: &[u8]) -> bool {
        self.publish_alone(sequence, |slot| slot.copy_all_in(payload))
    }

    /// As `publish_payload`, for payloads of one block.
    #[inline]
    pub fn publish_block(self, sequence: u64, block: &[u8; BLOCK]) -> bool {
        self.publish_alone(sequence, |slot| slot.copy_block_in(block))
    }

    #[inline]
    fn publish_alone(self, sequence: u64, copy: impl FnOnce(SlotBytes<'_>) -> bool) -> bool {
        // As in `publish`.
        fence(Ordering::Release);
        let is_copied = copy(self.0.slot(sequence).payload);
        if is_copied {
            self.commit(sequence);
        }
        is_copied
    }

    #[inline]
    fn commit(self, sequence: u64) {
        let head = Head {
            sequence,
            gone: false,
        };
        // A reader that loads this head also sees the stores before it.
        self.0.head().store(head.word(), Ordering::Release);
    }

    /// Marks the board as gone: replaced or unlinked. The caller must hold the lock.
    pub fn mark_gone(self) {
        let word = self.0.head().load(Ordering::Relaxed);
        self.0.head().store(word | GONE, Ordering::Release);
    }

    /// Removes the mark of a process that crashed before the board was gone. The caller must hold
    /// the lock.
    pub fn unmark_gone(self) {
        let word = self.0.head().load(Ordering::Relaxed);
        self.0.head().store(word & !GONE, Ordering::Release);
    }

    /// Copies publication `sequence`: its stamp into `stamp`, and its payload from `offset` on into
    /// `bytes`, as much as exists and fits. The caller must have loaded a head that is not before
    /// it.
    ///
    /// Returns whether both are whole. If not, the writer came too near, both are garbage, and the
    /// caller should start over with a newer sequence.
    #[must_use]
    #[inline]
    pub fn copy(
        self,
        sequence: u64,
        stamp: &mut StampWords,
        offset: usize,
        bytes: &mut [u8],
    ) -> bool {
        let slot = self.0.slot(sequence);
        for (value, word) in stamp.iter_mut().zip(slot.stamp) {
            *value = word.load(Ordering::Relaxed);
        }
        let words = slot.payload.words();
        // The length can be torn, so it can be any number.
        let end = length(stamp).min(size_of_val(words));
        let room = bytes.len().min(end.saturating_sub(offset));
        let bytes = &mut bytes[..room];
        if room > 0 && (offset > 0 || !slot.payload.copy_all_out(bytes)) {
            copy_out(words, offset, bytes);
        }
        // Orders the loads above before the load below: if one of them returned a word of a newer
        // publication, the head below shows how far the writer had come.
        fence(Ordering::Acquire);
        let head = Head::of(self.0.head().load(Ordering::Relaxed));
        is_whole(head, sequence, self.0.last_slot())
    }

    /// Copies the newest payload, of a board whose payloads all have one size, without its stamp.
    /// `false` if it does not fit, the board is marked as gone, or the copy is not whole. Something
    /// must have been published.
    #[must_use]
    #[inline]
    pub fn copy_payload(self, bytes: &mut [u8]) -> bool {
        self.copy_alone(|slot| slot.copy_all_out(bytes))
    }

    /// As `copy_payload`, for payloads of one block.
    #[must_use]
    #[inline]
    pub fn copy_block(self, block: &mut [u8; BLOCK]) -> bool {
        self.copy_alone(|slot| slot.copy_block_out(block))
    }

    /// As `copy_payload`, but only the word at an offset, which must be a multiple of a word's
    /// bytes.
    #[must_use]
    #[inline]
    pub fn copy_word(self, offset: usize, bytes: &mut [u8; WORD]) -> bool {
        self.copy_alone(|slot| slot.copy_word_out(offset, bytes))
    }

    #[inline]
    fn copy_alone(self, copy: impl FnOnce(SlotBytes<'_>) -> bool) -> bool {
        let newest = self.head().sequence;
        if !copy(self.0.slot(newest).payload) {
            return false;
        }
        // As in `copy`.
        fence(Ordering::Acquire);
        // The rotation makes the mark the highest bit, so the head of a board that is gone is never
        // near.
        let head = self.0.head().load(Ordering::Relaxed).rotate_right(1);
        is_near(head.wrapping_sub(newest), self.0.last_slot())
    }
}

/// Whether a copy of `sequence` is whole, by the head that was loaded after it.
pub fn is_whole(head: Head, sequence: u64, last_slot: u64) -> bool {
    is_near(head.sequence.wrapping_sub(sequence), last_slot)
}

/// Whether the head moved by at most N - 2 during a copy. If it moved further, the writer may have
/// been in the slot.
#[cfg(not(pegel_loom))]
#[inline]
fn is_near(moved: u64, last_slot: u64) -> bool {
    moved < last_slot
}

#[cfg(pegel_loom)]
fn is_near(moved: u64, last_slot: u64) -> bool {
    use crate::ring::sync::{Fault, is_seeded};
    moved < last_slot + u64::from(is_seeded(Fault::WiderBound))
}

/// The payload's length in bytes, from a stamp.
pub fn length(stamp: &StampWords) -> usize {
    let [length, _] = bytemuck::cast::<_, [u32; 2]>(stamp[LENGTH]);
    length as usize
}

/// The last word of the stamp of a payload of this length.
#[cfg(not(pegel_loom))]
#[allow(clippy::cast_possible_truncation)] // a record has 2^30 bytes at most
pub fn length_word(length: usize) -> u64 {
    bytemuck::cast([length as u32, 0])
}

/// A ring in private memory.
#[cfg(any(test, pegel_loom))]
#[derive(Debug)]
pub struct Words {
    head: AtomicU64,
    slots: Vec<AtomicU64>,
    stride: usize,
    plan: crate::ring::copy::Plan,
}

#[cfg(any(test, pegel_loom))]
impl Words {
    /// A number of slots for payloads of `size` bytes.
    pub fn new(slots: usize, size: usize) -> Self {
        let plan = crate::ring::copy::Plan::new(size);
        let stride = plan.words() + STAMP_WORDS;
        let words = 0..slots * stride;
        Self {
            head: AtomicU64::new(0),
            slots: words.map(|_| AtomicU64::new(0)).collect(),
            stride,
            plan,
        }
    }
}

#[cfg(any(test, pegel_loom))]
impl Memory for Words {
    fn head(&self) -> &AtomicU64 {
        &self.head
    }

    fn last_slot(&self) -> u64 {
        (self.slots.len() / self.stride) as u64 - 1
    }

    #[allow(clippy::cast_possible_truncation)] // less than the number of slots
    fn slot(&self, sequence: u64) -> Slot<'_> {
        let start = (sequence & self.last_slot()) as usize * self.stride;
        let (payload, stamp) = self.slots[start..].split_at(self.plan.words());
        Slot {
            payload: SlotBytes::of(payload, &self.plan),
            stamp: stamp.first_chunk().expect("each payload has a stamp"),
        }
    }
}

#[cfg(all(test, not(pegel_loom)))]
mod tests;
