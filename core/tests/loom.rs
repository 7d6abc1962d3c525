//! Every interleaving and every stale value that the C11 memory model allows, up to a bound, for the
//! very ring that ships. `make test-loom` runs it: `RUSTFLAGS="--cfg pegel_loom" cargo test --release`.

#![cfg(pegel_loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use loom::sync::Arc;
use loom::thread::spawn;
use pegel::{
    AtomicU64, BRISK_NS, Fault, Ring, STAMP_WORDS, has_to_wake, is_seeded, live_for, seed, unwoken,
};

const SLOT_WORDS: usize = STAMP_WORDS + 1;
/// Of a publication: the slot's words and the head.
const STORES: usize = SLOT_WORDS + 1;
const LENGTH: u64 = 8;

struct Memory {
    head: AtomicU64,
    slots: Vec<AtomicU64>,
}

impl Memory {
    fn new(slots: usize) -> Arc<Self> {
        live_for(usize::MAX);
        let words = 0..slots * SLOT_WORDS;
        Arc::new(Self {
            head: AtomicU64::new(0),
            slots: words.map(|_| AtomicU64::new(0)).collect(),
        })
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(&self.head, &self.slots, SLOT_WORDS)
    }

    /// Publishes the sequence after the newest one: no two writers say the same in it.
    fn publish(&self, writer: u64) {
        let sequence = self.ring().head().sequence + 1;
        let payload = (sequence << 8 | writer).to_ne_bytes();
        self.ring()
            .publish(sequence, &[sequence, writer, LENGTH], &payload);
    }

    /// One attempt to read: what is accepted is one publication, and the one that was asked for.
    fn read(&self) {
        let sequence = self.ring().head().sequence;
        let (mut stamp, mut payload) = ([0; STAMP_WORDS], [0; LENGTH as usize]);
        if sequence > 0 && self.ring().copy(sequence, &mut stamp, &mut payload) {
            let [stamped, writer, length] = stamp;
            assert_eq!((stamped, length), (sequence, LENGTH));
            assert_eq!(payload, (sequence << 8 | writer).to_ne_bytes());
        }
    }
}

/// So many threads that read once.
fn readers(memory: &Arc<Memory>, count: usize) -> Vec<loom::thread::JoinHandle<()>> {
    let spawn = |_| {
        let memory = Arc::clone(memory);
        spawn(move || memory.read())
    };
    (0..count).map(spawn).collect()
}

/// Runs a model with one thing left out of the protocol, and says whether it held.
fn holds(fault: Fault, model: impl Fn() + Sync + Send + 'static) -> bool {
    // What is left out is told to all threads of the process.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    seed(fault);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    catch_unwind(AssertUnwindSafe(|| builder.check(model))).is_ok()
}

/// A writer laps the ring while readers read.
fn lap(slots: usize, readers: usize) -> impl Fn() {
    move || {
        let memory = Memory::new(slots);
        memory.publish(1);
        let reading = self::readers(&memory, readers);
        for _ in 0..slots {
            memory.publish(1);
        }
        for reader in reading {
            reader.join().unwrap();
        }
    }
}

/// A writer dies after so many stores of a publication, its successor goes on, readers read all the
/// while. The kernel's lock orders the dead and the living, as one thread does here.
fn take_over(slots: usize, readers: usize, stores: usize) -> impl Fn() {
    move || {
        let memory = Memory::new(slots);
        memory.publish(1);
        let reading = self::readers(&memory, readers);
        live_for(stores);
        memory.publish(2);
        live_for(usize::MAX);
        let before = memory.ring().head().sequence;
        assert_eq!(before, 1 + (stores / STORES) as u64);
        memory.publish(3);
        memory.publish(3);
        assert_eq!(memory.ring().head().sequence, before + 2);
        for reader in reading {
            reader.join().unwrap();
        }
    }
}

/// A writer publishes and marks the board as gone, but dies before it is: readers go on with it, and
/// so does the successor, who takes the mark back.
fn gone(slots: usize) -> impl Fn() {
    move || {
        let memory = Memory::new(slots);
        let reading = readers(&memory, 1);
        memory.publish(1);
        memory.ring().mark_gone();
        memory.ring().unmark_gone();
        memory.publish(2);
        for reader in reading {
            reader.join().unwrap();
        }
    }
}

/// The kernel's queue of those who sleep for good, and a clock that goes on by as much as two
/// publications may be apart without waking anybody.
struct Kernel {
    clock: loom::sync::atomic::AtomicU64,
    is_asleep: loom::sync::Mutex<bool>,
}

impl Kernel {
    fn now(&self) -> i64 {
        self.clock.load(Relaxed) as i64 * BRISK_NS
    }

    /// FUTEX_WAIT: once in the queue, a look whether the word is still what the waiter saw.
    fn sleep(&self, head: &AtomicU64, seen: u64) {
        let mut is_asleep = self.is_asleep.lock().unwrap();
        // The barrier of futex_q_lock.
        loom::sync::atomic::fence(SeqCst);
        *is_asleep = head.load(Relaxed) == seen;
    }

    /// FUTEX_WAKE.
    fn wake(&self) {
        *self.is_asleep.lock().unwrap() = false;
    }
}

/// A waiter must not sleep for good when the last publication is there, however fast that came after
/// the one before. One that sleeps for a while only looks again, which is the same at a later time.
fn wait() -> impl Fn() {
    || {
        let memory = Memory::new(4);
        let kernel = Arc::new(Kernel {
            clock: loom::sync::atomic::AtomicU64::new(0),
            is_asleep: loom::sync::Mutex::new(false),
        });
        memory.publish(1);
        let published = kernel.now();
        let waiter = {
            let (memory, kernel) = (Arc::clone(&memory), Arc::clone(&kernel));
            spawn(move || {
                let head = memory.ring().head();
                if head.sequence < 2 && unwoken(kernel.now() - published).is_none() {
                    kernel.sleep(&memory.head, head.word());
                }
            })
        };
        let time = {
            let kernel = Arc::clone(&kernel);
            spawn(move || kernel.clock.store(1, Relaxed))
        };
        let early = kernel.now();
        memory.publish(1);
        let clock = || match is_seeded(Fault::ClockBeforeStore) {
            true => early,
            false => kernel.now(),
        };
        if has_to_wake(Some(published), clock) {
            kernel.wake();
        }
        waiter.join().unwrap();
        time.join().unwrap();
        assert!(!*kernel.is_asleep.lock().unwrap());
    }
}

#[test]
fn readers_get_whole_records_or_none() {
    assert!(holds(Fault::None, lap(2, 1)));
    assert!(holds(Fault::None, lap(4, 1)));
    assert!(holds(Fault::None, lap(2, 2)));
    assert!(holds(Fault::None, gone(2)));
}

#[test]
fn a_death_between_any_two_stores_is_harmless() {
    for stores in 0..=STORES {
        assert!(holds(Fault::None, take_over(2, 1, stores)));
        assert!(holds(Fault::None, take_over(4, 1, stores)));
    }
}

#[test]
fn no_waiter_sleeps_through_the_last_publication() {
    assert!(holds(Fault::None, wait()));
}

/// The table of docs/guarantees.md.
#[test]
fn every_part_of_the_protocol_is_needed() {
    use Fault::*;
    for slots in [2, 4] {
        for fault in [
            NoReleaseFence,
            NoAcquireFence,
            RelaxedHeadStore,
            RelaxedHeadLoad,
            WiderBound,
        ] {
            assert!(
                !holds(fault, lap(slots, 1)),
                "lap, {slots} slots: {fault:?}"
            );
        }
        assert!(!holds(RelaxedGoneStore, gone(slots)), "gone, {slots} slots");
    }
    for fault in [NoWakeFence, ClockBeforeStore] {
        assert!(!holds(fault, wait()), "wait: {fault:?}");
    }
}
