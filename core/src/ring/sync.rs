//! Atomics and the fences: std's, or loom's under `--cfg pegel_loom`.

#[cfg(pegel_loom)]
pub use seeded::{AtomicU64, Fault, Ordering, crash_after, fence, is_seeded, load_acquire, seed};
#[cfg(not(pegel_loom))]
pub use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Loads a word with acquire, from memory that may be read-only.
///
/// There, an acquire load is not guaranteed to work, but a relaxed load with a fence is
/// (`std::sync::atomic`, section on read-only memory).
#[cfg(not(pegel_loom))]
#[inline]
pub fn load_acquire(word: &AtomicU64) -> u64 {
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    value
}

/// loom's atomics with seeded faults: a model that passes with a fault proves nothing.
#[cfg(pegel_loom)]
#[allow(missing_docs)]
mod seeded {
    pub use std::sync::atomic::Ordering;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};

    /// A part of the protocol that is left out.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        None,
        NoReleaseFence,
        NoAcquireFence,
        RelaxedHeadStore,
        RelaxedGoneStore,
        RelaxedHeadLoad,
        WiderBound,
        LongerSleep,
    }

    static SEED: AtomicU8 = AtomicU8::new(Fault::None as u8);
    /// How many stores are left until the writer crashes.
    static STORES_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

    pub fn seed(fault: Fault) {
        SEED.store(fault as u8, SeqCst);
    }

    pub fn is_seeded(fault: Fault) -> bool {
        SEED.load(SeqCst) == fault as u8
    }

    /// Makes the writer crash after this many stores: later ones have no effect. With `usize::MAX`,
    /// its successor writes.
    pub fn crash_after(stores: usize) {
        STORES_LEFT.store(stores, SeqCst);
    }

    pub fn fence(order: Ordering) {
        let missing = match order {
            Ordering::Release => Fault::NoReleaseFence,
            _ => Fault::NoAcquireFence,
        };
        if !is_seeded(missing) {
            loom::sync::atomic::fence(order);
        }
    }

    pub fn load_acquire(word: &AtomicU64) -> u64 {
        let value = word.load(Ordering::Relaxed);
        if !is_seeded(Fault::RelaxedHeadLoad) {
            loom::sync::atomic::fence(Ordering::Acquire);
        }
        value
    }

    #[derive(Debug)]
    pub struct AtomicU64(loom::sync::atomic::AtomicU64);

    impl AtomicU64 {
        pub fn new(value: u64) -> Self {
            Self(loom::sync::atomic::AtomicU64::new(value))
        }

        pub fn load(&self, order: Ordering) -> u64 {
            self.0.load(order)
        }

        pub fn store(&self, value: u64, order: Ordering) {
            let left = STORES_LEFT.load(SeqCst);
            if left == 0 {
                return;
            }
            STORES_LEFT.store(left - usize::from(left != usize::MAX), SeqCst);
            // The lowest bit of head marks a board as gone.
            let fault = match value & 1 {
                0 => Fault::RelaxedHeadStore,
                _ => Fault::RelaxedGoneStore,
            };
            let order = match order {
                Ordering::Release if is_seeded(fault) => Ordering::Relaxed,
                order => order,
            };
            self.0.store(value, order);
        }
    }
}
