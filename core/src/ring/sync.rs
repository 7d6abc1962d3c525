//! Atomics and the fences: std's, or loom's under `--cfg pegel_loom`.

#[cfg(pegel_loom)]
pub use seeded::{AtomicU64, Fault, Ordering, fence, is_seeded, live_for, load_acquire, seed};
#[cfg(not(pegel_loom))]
pub use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Loads a word that may stand in read-only memory, with acquire.
///
/// A plain acquire load is not promised to work there; a relaxed one with a fence is (the section
/// on read-only memory of `std::sync::atomic`).
#[cfg(not(pegel_loom))]
#[inline]
pub fn load_acquire(word: &AtomicU64) -> u64 {
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    value
}

/// loom's atomics, which can be told to be wrong: a model that passes with a fault proves nothing.
#[cfg(pegel_loom)]
#[allow(missing_docs)]
mod seeded {
    pub use std::sync::atomic::Ordering;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};

    /// One thing that the protocol needs, left out.
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
    /// How many stores are left until the writer dies.
    static LIFE: AtomicUsize = AtomicUsize::new(usize::MAX);

    pub fn seed(fault: Fault) {
        SEED.store(fault as u8, SeqCst);
    }

    pub fn is_seeded(fault: Fault) -> bool {
        SEED.load(SeqCst) == fault as u8
    }

    /// Lets the writer die after so many stores: of all that follow, nobody sees anything. Its
    /// successor comes with `usize::MAX`.
    pub fn live_for(stores: usize) {
        LIFE.store(stores, SeqCst);
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
            let life = LIFE.load(SeqCst);
            if life == 0 {
                return;
            }
            LIFE.store(life - usize::from(life != usize::MAX), SeqCst);
            // The mark of a board that is gone is the lowest bit of head.
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
