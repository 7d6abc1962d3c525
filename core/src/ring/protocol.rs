//! The ring: one writer at a time publishes, any number of readers copy, nobody waits for anybody.
//!
//! # The words
//!
//! N slots, each a payload and a stamp, and one word that is the whole commit: `head`, the newest
//! sequence. Sequence s lives in slot s mod N. `head` holds `s << 1`; its lowest bit says that the
//! board is gone (replaced or unlinked), so that one load tells a reader both, and so that the low
//! half that waiters sleep on changes with either.
//!
//! # The writer's path
//!
//! It holds the writer lock, which is not the ring's business. For s = head + 1: a release fence,
//! then payload and stamp go into slot s mod N with relaxed stores, then head = s with release.
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

use crate::ring::blocks::BLOCK;
use crate::ring::copy::{SlotBytes, copy_in, copy_out};
use crate::ring::sync::{AtomicU64, Ordering, fence, load_acquire};

/// Set in the head word when the board was replaced or unlinked.
const GONE: u64 = 1;
/// The highest sequence: head keeps one bit for itself.
pub const MAX_SEQUENCE: u64 = u64::MAX >> 1;

/// Bytes of a word, the unit of every access to the shared part.
pub const WORD: usize = 8;
/// Words of a slot's stamp, which stands behind the payload: so that a payload begins on a cache line, and a
/// reader that wants no stamp touches none of it. loom's models have fewer: to the ring one word is like
/// another, and each costs them a multiple of their time.
pub const STAMP_WORDS: usize = if cfg!(pegel_loom) { 3 } else { 6 };

/// The words behind a payload. The first half of their last one is the payload's length in bytes, which the
/// ring itself needs; all else is none of its business.
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

/// One place for a publication.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'words> {
    /// The record's bytes.
    pub payload: SlotBytes<'words>,
    /// What is known of it.
    pub stamp: &'words [AtomicU64; STAMP_WORDS],
}

/// The words of a ring, wherever they stand.
pub trait Memory {
    /// The commit word.
    fn head(&self) -> &AtomicU64;
    /// The number of slots, a power of two, less one.
    fn last_slot(&self) -> u64;
    /// The slot of a sequence.
    fn slot(&self, sequence: u64) -> Slot<'_>;
}

/// A view of a ring's words.
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

    /// Publishes `sequence`, which must be one more than head's. Only for the holder of the lock.
    pub fn publish(self, sequence: u64, stamp: &Stamp, payload: &[u8]) {
        debug_assert!(sequence <= MAX_SEQUENCE, "the head has no room for it");
        // Orders the store of the head before this one ahead of the words below: whoever sees one of
        // them sees that head too, and knows that this slot is in use.
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

    /// Publishes a whole payload as `sequence`, in a slot whose stamp stays as it is; `false` when the payload
    /// has another size. Only for the holder of the lock, who knows that `sequence` is one more than head's, and
    /// the stamp of its slot.
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
        // As above.
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
        // Whoever sees this head sees the words above.
        self.0.head().store(head.word(), Ordering::Release);
    }

    /// Marks the board as gone: replaced or unlinked. Only for the holder of the lock.
    pub fn mark_gone(self) {
        let word = self.0.head().load(Ordering::Relaxed);
        self.0.head().store(word | GONE, Ordering::Release);
    }

    /// Takes the mark back: whoever set it died before the board was gone. Only for the holder of the
    /// lock.
    pub fn unmark_gone(self) {
        let word = self.0.head().load(Ordering::Relaxed);
        self.0.head().store(word & !GONE, Ordering::Release);
    }

    /// Copies publication `sequence` into `stamp` and, from `offset` of its payload on, into `bytes`, as much
    /// as there is of it and room for it: the length is in the stamp. The caller must have seen a head that
    /// is not before it.
    ///
    /// Says whether the two are whole. If not, the writer has come too near: they mean nothing, and the
    /// caller starts over with a newer sequence.
    #[must_use]
    #[inline]
    pub fn copy(self, sequence: u64, stamp: &mut Stamp, offset: usize, bytes: &mut [u8]) -> bool {
        let slot = self.0.slot(sequence);
        for (value, word) in stamp.iter_mut().zip(slot.stamp) {
            *value = word.load(Ordering::Relaxed);
        }
        let words = slot.payload.words();
        // The length is not known to be whole yet: it may say anything.
        let end = length(stamp).min(size_of_val(words));
        let room = bytes.len().min(end.saturating_sub(offset));
        let bytes = &mut bytes[..room];
        if room > 0 && (offset > 0 || !slot.payload.copy_all_out(bytes)) {
            copy_out(words, offset, bytes);
        }
        // Orders the loads above before the load below: if one of them saw a newer publication's
        // word, this load sees how far the writer had come before it.
        fence(Ordering::Acquire);
        let head = Head::of(self.0.head().load(Ordering::Relaxed));
        is_whole(head, sequence, self.0.last_slot())
    }

    /// Copies the newest publication's payload, which has always the same size, without its stamp, if
    /// nothing is in the way: `false` when there is no room for it, the board is marked as gone, or the copy was
    /// not whole. The caller must have seen a publication.
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

    /// As `copy_payload`, the word at an offset of it, a multiple of a word's bytes.
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
        // As above.
        fence(Ordering::Acquire);
        // With the lowest bit in the highest place, the head of a board that is gone is far from any.
        let head = self.0.head().load(Ordering::Relaxed).rotate_right(1);
        is_near(head.wrapping_sub(newest), self.0.last_slot())
    }
}

/// Whether a copy of `sequence` was finished, as the head says that was loaded after it, before the
/// writer came near its slot.
pub fn is_whole(head: Head, sequence: u64, last_slot: u64) -> bool {
    is_near(head.sequence.wrapping_sub(sequence), last_slot)
}

/// Whether the head may have moved so far during a copy, by N - 2 at most: a reader keeps away from the slot
/// that the writer may be in, and from the one behind which the second look at head can prove nothing.
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

/// The payload's length in bytes, as a stamp has it.
pub fn length(stamp: &Stamp) -> usize {
    let [length, _] = bytemuck::cast::<_, [u32; 2]>(stamp[LENGTH]);
    length as usize
}

/// The last word of a stamp, for a payload of so many bytes.
#[cfg(not(pegel_loom))]
#[allow(clippy::cast_possible_truncation)] // a record has 2^30 bytes at most
pub fn of_length(length: usize) -> u64 {
    bytemuck::cast([length as u32, 0])
}

/// A ring that nobody shares.
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
    /// So many slots of payloads of `size` bytes.
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
            stamp: stamp.first_chunk().expect("a stamp behind each payload"),
        }
    }
}

#[cfg(all(test, not(pegel_loom)))]
mod tests;
