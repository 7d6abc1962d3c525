//! When a writer wakes those who wait, and how long they sleep if it does not.
//!
//! A waiter sleeps on the low half of the ring's head (man 2 futex): the kernel looks, once it has
//! queued the waiter, whether the word is still the one that the waiter saw, so that a store followed
//! by a wake is never slept through. But a wake costs a system call even if nobody waits, many times
//! a publication's own time, and waiters cannot say that they are there: they may not write.
//!
//! So one who waits looks how old the newest publication is. Younger than [`BRISK_NS`]: it sleeps only
//! until it is that old, and the next one need not wake it. Older: the next one does. The writer judges by
//! the two stamps, which cost it nothing: it looked at the clock for the new one anyway.
//!
//! That look comes before the store of the head. A writer that was stopped between the two finds that it
//! is fast and wakes nobody, while a waiter meanwhile found the publication before old. A second look behind
//! the store would tell, and a full fence between, at twice the price of the publication. Instead, nobody
//! sleeps longer at a time than the newest publication is old, or [`SHORT`]: one who was not woken is late
//! by no more than that, which is no more than the writer was itself. A waiter so looks a dozen
//! times in the first second, and then once a second, which also bounds what a writer costs it that was
//! killed between store and wake.
//!
//! A writer that leaves out the stamps wakes when it looks at the clock for other reasons, and who waits
//! for it looks once in [`SHORT`].
//!
//! `tests/loom.rs` checks the bound with these functions, and that it fails with sleeps that are longer.

#![forbid(unsafe_code)]

use std::time::Duration;

/// Publications that follow each other faster, in nanoseconds, wake nobody.
pub const BRISK_NS: i64 = 20_000;
/// The longest sleep of one who cannot count on being woken.
pub const SHORT: Duration = Duration::from_millis(1);
/// The longest sleep: somebody who does not know Pegel may have removed the board.
pub const LONG: Duration = Duration::from_secs(1);

/// Whether a writer that has just stored the head has to wake those who sleep. `before` is the stamp's
/// time of the publication before, if it was this writer's, and `now` that of the new one.
#[inline]
pub fn has_to_wake(before: Option<i64>, now: i64) -> bool {
    before.is_none_or(|before| now.saturating_sub(before) >= BRISK_NS)
}

/// How long to sleep at most after a publication of this age in nanoseconds; one of the future is of
/// another boot, or another clock, and its writer gone.
pub fn longest_sleep(age: i64) -> Duration {
    match u64::try_from(age) {
        Ok(age) if age < BRISK_NS.unsigned_abs() => {
            Duration::from_nanos(BRISK_NS.unsigned_abs() - age)
        }
        #[cfg(pegel_loom)]
        Ok(_) if crate::ring::sync::is_seeded(crate::ring::sync::Fault::LongerSleep) => LONG,
        Ok(age) => Duration::from_nanos(age).clamp(SHORT, LONG),
        Err(_) => LONG,
    }
}
