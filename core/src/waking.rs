//! When a writer wakes those who wait, and how long they sleep if it does not.
//!
//! A waiter sleeps on the low half of the ring's head (man 2 futex): the kernel looks, once it has
//! queued the waiter, whether the word is still the one that the waiter saw, so that a store followed
//! by a wake is never slept through. But a wake costs a system call even if nobody waits, many times
//! a publication's own time, and waiters cannot say that they are there: they may not write.
//!
//! So one who waits looks how old the newest publication is. Younger than [`BRISK_NS`]: it sleeps only
//! until it is that old, and the next one need not wake it. Older: it sleeps until it is woken, and the
//! next one does. Both judge the same stamp by the same clock, the writer after its store, the waiter
//! before the kernel's look. Suppose the writer finds the stamp young and wakes nobody, and a waiter
//! finds it old and sleeps for good: then the writer's look at the clock was the earlier one, its
//! store earlier still, and the kernel's look, the latest of all, sees that store. Each side has a full
//! fence between the word and the clock: the writer's is below, the waiter's is in the kernel
//! (`futex_q_lock` of kernel/futex/core.c).
//!
//! `tests/loom.rs` checks these functions, and that it fails without the fence, and when the writer
//! looks at the clock before its store.

#![forbid(unsafe_code)]

use std::time::Duration;

use crate::sync::{Ordering, fence};

/// Publications that follow each other faster, in nanoseconds, wake nobody.
pub const BRISK_NS: i64 = 20_000;

/// Whether a writer that has just stored the head has to wake those who sleep. `before` is the stamp's
/// time of the publication before, if it was this writer's, by the clock that `now` looks at.
pub fn has_to_wake(before: Option<i64>, now: impl Fn() -> i64) -> bool {
    // Without it, the store of the head could still be on its way when the clock is read.
    fence(Ordering::SeqCst);
    before.is_none_or(|before| now().saturating_sub(before) >= BRISK_NS)
}

/// How long the publication after one of this age could come without waking anybody; `None` if it will.
pub fn unwoken(age: i64) -> Option<Duration> {
    let left = u64::try_from(BRISK_NS.saturating_sub(age)).ok()?;
    (age >= 0 && left > 0).then(|| Duration::from_nanos(left))
}
