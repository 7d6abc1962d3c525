//! When a writer wakes waiters, and how long they sleep otherwise.
//!
//! A waiter sleeps on the low half of the ring's head (`man 2 futex`). The kernel queues the
//! waiter, then compares the word with the one that the waiter loaded, so no store that a wake
//! follows is missed. But a wake is a system call even if there is no waiter, many times slower
//! than a publication, and waiters cannot announce themselves, as they must not write.
//!
//! So both sides go by the age of the previous publication. While it is younger than
//! [`WAKE_INTERVAL_NS`], a waiter only sleeps until it is that old, and the next publication need
//! not wake. Once it is older, the next publication wakes. The writer compares two stamps for that,
//! which is free: it has read the clock for the new one anyway.
//!
//! The writer reads the clock before it stores the head. If it is stopped in between, it can find
//! the previous publication young and not wake, while a waiter finds it old and relies on a wake.
//! To exclude that, the writer would need a full fence and a second look at the clock, for twice
//! the price of the publication. Instead, no waiter sleeps longer at a time than the newest
//! publication is old, or [`POLL_INTERVAL`]: a waiter that was not woken is late by no more than
//! that, which is no more than the writer was stopped. So a waiter polls a dozen times in the first
//! second, and then once a second. That also bounds the delay if a writer is killed between store
//! and wake.
//!
//! A writer that publishes unstamped wakes only when it reads the clock for other reasons, so its
//! waiters poll at [`POLL_INTERVAL`].
//!
//! `tests/loom.rs` checks the bound with these functions, and that longer sleeps break it.

#![forbid(unsafe_code)]

use std::time::Duration;

/// Publications that follow each other faster, in nanoseconds, do not wake.
pub const WAKE_INTERVAL_NS: i64 = 20_000;
/// The longest sleep of a waiter that cannot rely on a wake.
pub const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// The longest sleep: the board may have been removed by hand, without a wake.
pub const MAX_SLEEP: Duration = Duration::from_secs(1);

/// Whether a writer must wake waiters after it has stored the head. `now` is the time of the new
/// publication, and `before` that of the previous one, if it was this writer's.
#[inline]
pub fn must_wake(before: Option<i64>, now: i64) -> bool {
    before.is_none_or(|before| now.saturating_sub(before) >= WAKE_INTERVAL_NS)
}

/// The longest sleep after a publication of this age in nanoseconds. A negative age is that of
/// another boot or another clock, whose writer is gone.
pub fn longest_sleep(age: i64) -> Duration {
    match u64::try_from(age) {
        Ok(age) if age < WAKE_INTERVAL_NS.unsigned_abs() => {
            Duration::from_nanos(WAKE_INTERVAL_NS.unsigned_abs() - age)
        }
        #[cfg(pegel_loom)]
        Ok(_) if crate::ring::sync::is_seeded(crate::ring::sync::Fault::LongerSleep) => MAX_SLEEP,
        Ok(age) => Duration::from_nanos(age).clamp(POLL_INTERVAL, MAX_SLEEP),
        Err(_) => MAX_SLEEP,
    }
}
