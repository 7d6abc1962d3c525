//! Every interleaving and every stale value that the C11 memory model allows, up to a bound, for the
//! very ring that ships. `make test-loom` runs it: `RUSTFLAGS="--cfg pegel_loom" cargo test --release`.

#![cfg(pegel_loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use loom::sync::Arc;
use pegel::{AtomicU64, Copied, Fault, Ring, STAMP_WORDS, seed};

const SLOT_WORDS: usize = STAMP_WORDS + 1;
const LENGTH: u64 = 8;

fn stamp(sequence: u64) -> [u64; STAMP_WORDS] {
    let mut stamp = [sequence; STAMP_WORDS];
    stamp[STAMP_WORDS - 1] = LENGTH;
    stamp
}

struct Memory {
    head: AtomicU64,
    slots: Vec<AtomicU64>,
}

impl Memory {
    fn new(slots: usize) -> Self {
        let words = 0..slots * SLOT_WORDS;
        Self {
            head: AtomicU64::new(0),
            slots: words.map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(&self.head, &self.slots, SLOT_WORDS)
    }

    fn publish(&self, sequence: u64) {
        self.ring()
            .publish(sequence, &stamp(sequence), &sequence.to_ne_bytes());
    }

    /// What a writer leaves behind that dies before it stored the last words of a slot.
    fn die_publishing(&self, sequence: u64) {
        let slots = self.slots.len() / SLOT_WORDS;
        let start = sequence as usize % slots * SLOT_WORDS;
        for word in &self.slots[start..start + 2] {
            word.store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// One attempt to read; a record that is accepted must be one that was published.
    fn read(&self) {
        let sequence = self.ring().head().sequence;
        let mut payload = [0; LENGTH as usize];
        if let Copied::Whole(stamp) = self.ring().copy(sequence, &mut payload) {
            assert_eq!(stamp, self::stamp(sequence));
            assert_eq!(payload, sequence.to_ne_bytes());
        }
    }
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
        let memory = Arc::new(Memory::new(slots));
        memory.publish(1);
        let reading: Vec<_> = (0..readers)
            .map(|_| {
                let memory = Arc::clone(&memory);
                loom::thread::spawn(move || memory.read())
            })
            .collect();
        for sequence in 2..=slots as u64 + 1 {
            memory.publish(sequence);
        }
        for reader in reading {
            reader.join().unwrap();
        }
    }
}

/// A writer dies within a publication, its successor goes on, a reader reads all the while.
fn take_over(slots: usize) -> impl Fn() {
    move || {
        let memory = Arc::new(Memory::new(slots));
        memory.publish(1);
        let reader = {
            let memory = Arc::clone(&memory);
            loom::thread::spawn(move || memory.read())
        };
        // The kernel's lock orders the dead and the living, as one thread does here.
        memory.die_publishing(2);
        memory.publish(2);
        memory.publish(3);
        reader.join().unwrap();
    }
}

#[test]
fn readers_get_whole_records_or_none() {
    assert!(holds(Fault::None, lap(2, 1)));
    assert!(holds(Fault::None, lap(4, 1)));
    assert!(holds(Fault::None, lap(2, 2)));
}

#[test]
fn a_dead_writers_slot_is_harmless() {
    assert!(holds(Fault::None, take_over(2)));
    assert!(holds(Fault::None, take_over(4)));
}

#[test]
fn every_part_of_the_protocol_is_needed() {
    let faults = [
        Fault::NoReleaseFence,
        Fault::NoAcquireFence,
        Fault::RelaxedHeadStore,
        Fault::RelaxedHeadLoad,
        Fault::WiderBound,
    ];
    for fault in faults {
        assert!(
            !holds(fault, lap(2, 1)),
            "{fault:?} went unnoticed with 2 slots"
        );
        assert!(
            !holds(fault, lap(4, 1)),
            "{fault:?} went unnoticed with 4 slots"
        );
    }
}
