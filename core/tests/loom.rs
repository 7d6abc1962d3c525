//! Tries every interleaving and every stale value that the C11 memory model allows, up to a bound,
//! with the ring that ships. `make test-loom` runs it: `RUSTFLAGS="--cfg pegel_loom" cargo test
//! --release`.

#![cfg(pegel_loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use loom::sync::Arc;
use loom::thread::spawn;
use pegel::{
    AtomicU64, Fault, Memory as _, Ring, STAMP_WORDS, WAKE_INTERVAL_NS, Words, crash_after,
    longest_sleep, must_wake, seed,
};

/// Stores of one publication: the payload's word, the stamp's words and the head.
const STORES: usize = 1 + STAMP_WORDS + 1;
const LENGTH: u64 = 8;

struct Memory(Words);

impl Memory {
    fn new(slots: usize) -> Arc<Self> {
        crash_after(usize::MAX);
        Arc::new(Self(Words::new(slots, LENGTH as usize)))
    }

    fn ring(&self) -> Ring<'_, Words> {
        Ring(&self.0)
    }

    /// Publishes the next sequence, with a payload that differs between writers.
    fn publish(&self, writer: u64) {
        let sequence = self.ring().head().sequence + 1;
        let payload = (sequence << 8 | writer).to_ne_bytes();
        self.ring()
            .publish(sequence, &[sequence, writer, LENGTH], &payload);
    }

    /// Makes one attempt to read: an accepted copy is one publication, the requested one.
    fn read(&self) {
        let sequence = self.ring().head().sequence;
        let (mut stamp, mut payload) = ([0; STAMP_WORDS], [0; LENGTH as usize]);
        if sequence > 0 && self.ring().copy(sequence, &mut stamp, 0, &mut payload) {
            let [stamped, writer, length] = stamp;
            assert_eq!((stamped, length), (sequence, LENGTH));
            assert_eq!(payload, (sequence << 8 | writer).to_ne_bytes());
        }
    }
}

/// Threads that read once each.
fn readers(memory: &Arc<Memory>, count: usize) -> Vec<loom::thread::JoinHandle<()>> {
    let spawn = |_| {
        let memory = Arc::clone(memory);
        spawn(move || memory.read())
    };
    (0..count).map(spawn).collect()
}

/// Whether a model passes with a fault in the protocol.
fn holds(fault: Fault, model: impl Fn() + Sync + Send + 'static) -> bool {
    // The fault is one of the whole process.
    static SEEDED: Mutex<()> = Mutex::new(());
    let _seeded = SEEDED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
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

/// A writer crashes after some stores of a publication, and its successor publishes, while readers
/// read. The writer lock orders the two writers, as one thread does here.
fn take_over(slots: usize, readers: usize, stores: usize) -> impl Fn() {
    move || {
        let memory = Memory::new(slots);
        memory.publish(1);
        let reading = self::readers(&memory, readers);
        crash_after(stores);
        memory.publish(2);
        crash_after(usize::MAX);
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

/// A writer publishes and marks the board as gone, but crashes before it is: readers continue, and
/// so does its successor, which removes the mark.
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

/// As `lap`, with payloads alone, whose stamps do not change: of two words, so that they can be
/// torn.
fn lap_payloads(slots: usize) -> impl Fn() {
    move || {
        crash_after(usize::MAX);
        let words = Arc::new(Words::new(slots, 16));
        let publish = |sequence| {
            let payload = [sequence as u8; 16];
            assert!(Ring(&*words).publish_payload(sequence, &payload));
        };
        publish(1);
        let reading = {
            let words = Arc::clone(&words);
            spawn(move || {
                let (before, mut payload) = (Ring(&*words).head().sequence, [0; 16]);
                if Ring(&*words).copy_payload(&mut payload) {
                    assert!(u64::from(payload[0]) >= before);
                    assert_eq!(payload, [payload[0]; 16]);
                }
            })
        };
        for sequence in 2..=slots as u64 + 1 {
            publish(sequence);
        }
        reading.join().unwrap();
    }
}

/// The kernel's queue of one waiter, with its longest sleep, and a clock that all threads share.
struct Kernel {
    clock: loom::sync::atomic::AtomicU64,
    asleep: loom::sync::Mutex<Option<u64>>,
}

impl Kernel {
    /// Far more than two publications may be apart without a wake.
    const TICK: u64 = 1000 * WAKE_INTERVAL_NS as u64;

    fn now(&self) -> u64 {
        loom::sync::atomic::fence(SeqCst);
        let now = self.clock.load(SeqCst) * Self::TICK;
        loom::sync::atomic::fence(SeqCst);
        now
    }

    /// FUTEX_WAIT: queues the waiter, then compares the word with the one that the waiter loaded.
    fn sleep(&self, head: &AtomicU64, seen: u64, time: u64) {
        let mut asleep = self.asleep.lock().unwrap();
        // The barrier of futex_q_lock.
        loom::sync::atomic::fence(SeqCst);
        *asleep = (head.load(Relaxed) == seen).then_some(time);
    }

    /// FUTEX_WAKE.
    fn wake(&self) {
        *self.asleep.lock().unwrap() = None;
    }
}

/// A waiter that was not woken for the last publication is late by at most a millisecond, or by as
/// much as the writer was stopped between reading the clock and storing the head.
fn wait() -> impl Fn() {
    || {
        let memory = Memory::new(4);
        let kernel = Arc::new(Kernel {
            clock: loom::sync::atomic::AtomicU64::new(0),
            asleep: loom::sync::Mutex::new(None),
        });
        memory.publish(1);
        let waiter = {
            let (memory, kernel) = (Arc::clone(&memory), Arc::clone(&kernel));
            spawn(move || {
                let head = memory.ring().head();
                if head.sequence < 2 {
                    let time = longest_sleep(kernel.now() as i64);
                    kernel.sleep(memory.0.head(), head.word(), time.as_nanos() as u64);
                }
            })
        };
        let time = {
            let kernel = Arc::clone(&kernel);
            spawn(move || kernel.clock.store(1, SeqCst))
        };
        let decided = kernel.now();
        memory.publish(1);
        let stored = kernel.now();
        if must_wake(Some(0), decided as i64) {
            kernel.wake();
        }
        waiter.join().unwrap();
        time.join().unwrap();
        let asleep = kernel.asleep.lock().unwrap().unwrap_or(0);
        assert!(asleep <= (stored - decided).max(1_000_000));
    }
}

#[test]
fn readers_get_whole_records_or_none() {
    assert!(holds(Fault::None, lap(2, 1)));
    assert!(holds(Fault::None, lap(4, 1)));
    assert!(holds(Fault::None, lap(2, 2)));
    assert!(holds(Fault::None, gone(2)));
    assert!(holds(Fault::None, lap_payloads(2)));
    assert!(holds(Fault::None, lap_payloads(4)));
}

#[test]
fn a_crash_between_any_two_stores_is_harmless() {
    for stores in 0..=STORES {
        assert!(holds(Fault::None, take_over(2, 1, stores)));
        assert!(holds(Fault::None, take_over(4, 1, stores)));
    }
}

#[test]
fn no_waiter_is_later_than_the_writer_was() {
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
            assert!(
                !holds(fault, lap_payloads(slots)),
                "lap_payloads, {slots} slots: {fault:?}"
            );
        }
        assert!(!holds(RelaxedGoneStore, gone(slots)), "gone, {slots} slots");
    }
    assert!(!holds(LongerSleep, wait()), "wait");
}
