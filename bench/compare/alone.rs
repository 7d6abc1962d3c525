//! Reading and publishing without other processes, and one field of a record.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::figures::Figures;
use crate::peers::{self, Buffer, PEERS, Place};
use crate::timing::{nanoseconds, pin};
use crate::{ROUNDS, Run};

/// Measures all peers, one after the other in each round.
pub fn measure(run: &Run, figures: &mut Figures) {
    pin(0);
    let batch = Duration::from_micros(if run.is_quick { 200 } else { 1000 });
    for &size in run.sizes {
        let mut both: Vec<_> = PEERS
            .iter()
            .map(|peer| {
                let directory = run.directory(peer.name);
                let place = Place { directory, size };
                let mut writer = (peer.writer)(&place);
                let record = Buffer::new(size, 7);
                writer.publish(&record);
                let reader = (peer.reader)(&place);
                (peer, record, writer, reader)
            })
            .collect();
        for _ in 0..ROUNDS {
            for (peer, record, writer, reader) in &mut both {
                let publish = nanoseconds(batch, || writer.publish(black_box(record)));
                figures.add("publish alone", size, peer.name, "ns", publish);
                assert_eq!(reader.read(), &record[..], "{}", peer.name);
                let read = nanoseconds(batch, || {
                    black_box(reader.read());
                });
                figures.add("read alone", size, peer.name, "ns", read);
            }
        }
        for (peer, ..) in &both {
            for measure in ["read alone", "publish alone"] {
                figures.note(measure, size, peer.name, peer.note.to_owned());
            }
        }
        parts(run, figures, size, batch);
    }
    for _ in 0..ROUNDS {
        let clock = nanoseconds(batch, || {
            black_box(clock_gettime(ClockId::CLOCK_BOOTTIME).expect("a clock"));
        });
        figures.add("clock read", None, "CLOCK_BOOTTIME", "ns", clock);
    }
}

/// One word from the middle of a record.
fn parts(run: &Run, figures: &mut Figures, size: usize, batch: Duration) {
    let directory = run.directory("parts");
    let place = Place { directory, size };
    let mut writer = (peers::pegel::STAMPED.writer)(&place);
    writer.publish(&Buffer::new(size, 7));
    let reader = peers::pegel::Reader::new(&place);
    assert_eq!(reader.word(size / 2), 7);
    let word = AtomicU64::new(7);
    for _ in 0..ROUNDS {
        let part = nanoseconds(batch, || {
            black_box(reader.word(black_box(size / 2)));
        });
        figures.add("one field", size, "pegel", "ns", part);
        let load = nanoseconds(batch, || {
            black_box(black_box(&word).load(Ordering::Acquire));
        });
        figures.add("one field", size, "atomic load", "ns", load);
    }
}
