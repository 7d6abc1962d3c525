//! When to check again that a board still exists. A board whose file is removed by hand carries no
//! mark of that, so its readers and its writer ask the kernel from time to time.

use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering};

use crate::clock;

/// How often, in nanoseconds, a program that reads the clock also checks the board's file.
pub const INTERVAL_NS: i64 = 1_000_000_000;
/// The time of a check that was never made: the next one is due.
pub const NEVER: i64 = i64::MIN;
/// After this many uses, a reader reads the clock.
const BUDGET: i32 = 1024;
/// After this many budgets, it checks the file whatever the clock says.
const BUDGETS: u32 = 8;

/// Whether a check is due that was last made at `last`, in nanoseconds since boot.
#[inline]
pub fn is_due(last: i64, now: i64) -> bool {
    now.saturating_sub(last) >= INTERVAL_NS
}

/// When a reader must check again. Threads that share the reader may count two uses as one: so a
/// use costs a load and a store.
#[derive(Debug)]
pub struct Revalidation {
    /// Uses until the clock must be read; 0 also once the board is gone.
    budget: AtomicI32,
    /// Budgets until the file must be checked.
    budgets: AtomicU32,
    /// Nanoseconds since boot of the last check that was due by the clock.
    last: AtomicI64,
}

impl Revalidation {
    /// Of a board that was opened now.
    pub fn new() -> Self {
        Self {
            budget: AtomicI32::new(BUDGET - 1),
            budgets: AtomicU32::new(BUDGETS),
            last: AtomicI64::new(clock::since_boot()),
        }
    }

    /// Counts a use; `false` when the reader must check first, and then `renew`.
    #[inline]
    pub fn use_up(&self) -> bool {
        let left = self.budget.load(Ordering::Relaxed) - 1;
        if left >= 0 {
            self.budget.store(left, Ordering::Relaxed);
        }
        left >= 0
    }

    /// Whether the file must be checked, by the clock.
    #[inline]
    pub fn is_due(&self, now: i64) -> bool {
        is_due(self.last.load(Ordering::Relaxed), now)
    }

    /// The file was checked, as that was due by the clock.
    pub fn set_checked(&self, now: i64) {
        self.last.store(now, Ordering::Relaxed);
    }

    /// Whether the file must be checked whatever the clock says, now that the budget is used up.
    pub fn is_last_budget(&self) -> bool {
        self.budgets.load(Ordering::Relaxed) <= 1
    }

    /// Grants a new budget, of which one use is the current one.
    pub fn renew(&self) {
        let left = self.budgets.load(Ordering::Relaxed);
        let left = if left <= 1 { BUDGETS } else { left - 1 };
        self.budgets.store(left, Ordering::Relaxed);
        self.budget.store(BUDGET - 1, Ordering::Relaxed);
    }

    /// The board is gone: the next use must check, and so must each one after it.
    pub fn expire(&self) {
        self.budgets.store(1, Ordering::Relaxed);
        self.budget.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses until the file must be checked.
    fn uses(revalidation: &Revalidation) -> u32 {
        let mut uses = 1;
        loop {
            while revalidation.use_up() {
                uses += 1;
            }
            if revalidation.is_last_budget() {
                return uses;
            }
            revalidation.renew();
            uses += 1;
        }
    }

    #[test]
    fn checks_after_eight_budgets_and_then_again() {
        let revalidation = Revalidation::new();
        assert_eq!(uses(&revalidation), 8192);
        revalidation.renew();
        assert_eq!(uses(&revalidation), 8192);
    }

    #[test]
    fn checks_at_each_use_once_expired() {
        let revalidation = Revalidation::new();
        revalidation.expire();
        assert_eq!([uses(&revalidation), uses(&revalidation)], [1, 1]);
    }

    #[test]
    fn checks_after_a_second_of_the_clock() {
        let revalidation = Revalidation::new();
        let now = clock::since_boot() + INTERVAL_NS;
        assert!(revalidation.is_due(now));
        revalidation.set_checked(now);
        assert!(!revalidation.is_due(now + INTERVAL_NS - 1));
        assert!(revalidation.is_due(now + INTERVAL_NS));
        assert!(is_due(NEVER, 0));
    }
}
