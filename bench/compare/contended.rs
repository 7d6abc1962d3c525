//! Reading while a writer in another process publishes, on another processor. Every record is
//! checked.

use std::env;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::peers::{self, Buffer, PEERS, Peer, Place, Read};
use crate::timing::{own_cost, pin};
use crate::{ROUNDS, Run};

/// Set for a process that plays a part; its arguments are the peer and the place.
pub const PART: &str = "PEGEL_BENCH_PART";
const TIMED: Duration = Duration::from_millis(150);
const PLAIN: Duration = Duration::from_millis(60);

/// This program, started again to play a part with a peer at a place.
pub fn part(name: &str, peer: &Peer, place: &Place) -> Command {
    let mut command = Command::new(env::current_exe().expect("the path of this program"));
    command.env(PART, name).arg(peer.name).arg(&place.directory);
    command.arg(place.size.to_string());
    command
}

/// The peer and the place that `part` passed.
pub fn peer_and_place(arguments: &[String]) -> (Peer, Place) {
    let [peer, directory, size, ..] = arguments else {
        panic!("a peer, a directory and a size")
    };
    let place = Place {
        directory: PathBuf::from(directory),
        size: size.parse().expect("a size"),
    };
    (peers::find(peer), place)
}

/// A process that writes until it is stopped.
struct Writing(Child);

impl Writing {
    fn new(peer: &Peer, place: &Place, interval: Duration) -> Self {
        let mut child = part("write", peer, place)
            .arg(interval.as_nanos().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let output = child.stdout.as_mut().expect("a pipe");
        output.read_exact(&mut [0]).expect("a first record");
        Self(child)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Publishes records of one number, repeated and counted up, until its input ends.
pub fn write(arguments: &[String]) {
    let (peer, place) = peer_and_place(arguments);
    pin(1);
    let interval = Duration::from_nanos(arguments[3].parse().expect("nanoseconds"));
    let mut writer = (peer.writer)(&place);
    let mut record = Buffer::new(place.size, 1);
    writer.publish(&record);
    let is_over = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let _ = std::io::stdin().read(&mut [0]);
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let mut output = std::io::stdout();
    output
        .write_all(b"\n")
        .and_then(|()| output.flush())
        .expect("a reader");
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if !interval.is_zero() {
            next += interval;
            while Instant::now() < next {
                std::hint::spin_loop();
            }
        }
        let number = record[0] + 1;
        record.fill(number);
        writer.publish(&record);
    }
}

/// The result of a round of reading.
struct Round {
    /// Of single reads, in nanoseconds, sorted.
    latencies: Vec<u64>,
    reads_per_second: f64,
    publications_per_second: f64,
    retries: f64,
    torn: usize,
}

impl Round {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len() - 1;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
        let at = (last as f64 * share).round() as usize;
        self.latencies[at] as f64
    }
}

/// Checks a record; returns its number, or an error if it is torn or older than the one before.
fn number(record: &[u64], before: u64) -> Option<u64> {
    let number = record[0];
    (number >= before && record.iter().all(|&word| word == number)).then_some(number)
}

/// The records read so far.
#[derive(Default)]
struct Seen {
    newest: u64,
    torn: usize,
}

impl Seen {
    fn check(&mut self, record: &[u64]) {
        match number(record, self.newest) {
            Some(number) => self.newest = number,
            None => self.torn += 1,
        }
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn read(reader: &mut dyn Read, cost: u64) -> Round {
    let (mut latencies, mut seen) = (Vec::with_capacity(1 << 20), Seen::default());
    let end = Instant::now() + TIMED;
    loop {
        let start = Instant::now();
        let record = reader.read();
        let time = start.elapsed();
        seen.check(black_box(record));
        latencies.push(
            u64::try_from(time.as_nanos())
                .unwrap_or(u64::MAX)
                .saturating_sub(cost),
        );
        if start > end {
            break;
        }
    }
    latencies.sort_unstable();
    let (start, first, mut reads) = (Instant::now(), reader.read()[0], 0_u32);
    while start.elapsed() < PLAIN {
        for _ in 0..16 {
            // Checking every word takes longer than reading them: that was done above.
            seen.check(&black_box(reader.read())[..1]);
        }
        reads += 16;
    }
    let (time, published) = (start.elapsed(), reader.read()[0].saturating_sub(first));
    let (start, mut counted, mut retries) = (Instant::now(), 0_u32, 0.0);
    while start.elapsed() < PLAIN {
        let (record, count) = reader.read_and_count();
        seen.check(record);
        retries += f64::from(count);
        counted += 1;
    }
    Round {
        latencies,
        retries: retries / f64::from(counted),
        reads_per_second: f64::from(reads) / time.as_secs_f64(),
        publications_per_second: published as f64 / time.as_secs_f64(),
        torn: seen.torn,
    }
}

/// The names of the figures of one kind of load.
struct Measures {
    quantiles: [(&'static str, f64); 4],
    reads: &'static str,
    publications: &'static str,
    retries: &'static str,
}

const FLAT_OUT: Measures = Measures {
    quantiles: [
        ("flat out: read p50", 0.5),
        ("flat out: read p99", 0.99),
        ("flat out: read p99.9", 0.999),
        ("flat out: read max", 1.0),
    ],
    reads: "flat out: reads",
    publications: "flat out: publications",
    retries: "flat out: retries a read",
};
const SLOW: Measures = Measures {
    quantiles: [
        ("1 kHz: read p50", 0.5),
        ("1 kHz: read p99", 0.99),
        ("1 kHz: read p99.9", 0.999),
        ("1 kHz: read max", 1.0),
    ],
    reads: "1 kHz: reads",
    publications: "1 kHz: publications",
    retries: "1 kHz: retries a read",
};
const EQUAL: Measures = Measures {
    quantiles: [
        ("equal rates: read p50", 0.5),
        ("equal rates: read p99", 0.99),
        ("equal rates: read p99.9", 0.999),
        ("equal rates: read max", 1.0),
    ],
    reads: "equal rates: reads",
    publications: "equal rates: publications",
    retries: "equal rates: retries a read",
};

fn round(
    run: &Run,
    figures: &mut Figures,
    measures: &Measures,
    peer: &Peer,
    size: usize,
    interval: Duration,
) {
    let directory = run.directory(peer.name);
    let place = Place { directory, size };
    let writing = Writing::new(peer, &place, interval);
    let mut reader = (peer.reader)(&place);
    let round = read(&mut *reader, own_cost());
    drop(reader);
    drop(writing);
    assert!(
        round.torn == 0 || !peer.name.starts_with("pegel"),
        "torn records"
    );
    for (measure, share) in measures.quantiles {
        figures.add(measure, size, peer.name, "ns", round.quantile(share));
    }
    figures.add(
        measures.reads,
        size,
        peer.name,
        "1/s",
        round.reads_per_second,
    );
    figures.add(
        measures.publications,
        size,
        peer.name,
        "1/s",
        round.publications_per_second,
    );
    figures.add(measures.retries, size, peer.name, "", round.retries);
    let (torn, reads) = (round.torn, round.latencies.len());
    let note = format!("{torn} torn of {reads} checked in the last round");
    figures.note(measures.quantiles[1].0, size, peer.name, note);
}

/// The sizes that goals are set for.
const RIVALS: [&str; 3] = ["pegel", "iceoryx2 blackboard", "mmap-sync"];

/// Measures the peers that support it: with a writer flat out, at 1 kHz, and Pegel at the rate of
/// mmap-sync.
pub fn measure(run: &Run, figures: &mut Figures) {
    pin(0);
    let is_wanted =
        |peer: &&Peer| peer.is_contended && (!run.is_quick || RIVALS.contains(&peer.name));
    let contended: Vec<_> = PEERS.iter().filter(is_wanted).collect();
    for &size in run.sizes {
        for _ in 0..ROUNDS {
            for peer in &contended {
                round(run, figures, &FLAT_OUT, peer, size, Duration::ZERO);
            }
            for peer in contended.iter().filter(|_| !run.is_quick) {
                round(run, figures, &SLOW, peer, size, Duration::from_millis(1));
            }
        }
        let rate = figures.median(FLAT_OUT.publications, size, "mmap-sync");
        let interval = Duration::from_secs_f64(1.0 / rate.max(1.0));
        for _ in 0..ROUNDS {
            for name in ["pegel", "mmap-sync"] {
                round(run, figures, &EQUAL, &peers::find(name), size, interval);
            }
        }
    }
}

/// Reads as fast as it can for a while, and prints how many times a second.
pub fn count_reads(arguments: &[String]) {
    let (peer, place) = peer_and_place(arguments);
    pin(arguments[3].parse().expect("a processor"));
    let mut reader = (peer.reader)(&place);
    let (start, mut reads) = (Instant::now(), 0_u32);
    while start.elapsed() < PLAIN {
        for _ in 0..64 {
            black_box(reader.read());
        }
        reads += 64;
    }
    println!("{}", f64::from(reads) / start.elapsed().as_secs_f64());
}

/// One and two processes that read at once, without a writer: the rate of each.
pub fn measure_readers(run: &Run, figures: &mut Figures) {
    for &size in run.sizes {
        for _ in 0..ROUNDS {
            for peer in PEERS.iter().filter(|peer| peer.is_contended) {
                let directory = run.directory(peer.name);
                let place = Place { directory, size };
                let mut writer = (peer.writer)(&place);
                writer.publish(&Buffer::new(size, 7));
                for (measure, count) in [("one reader", 1), ("two readers", 2)] {
                    let readers: Vec<_> = (0..count)
                        .map(|processor: usize| {
                            part("read", peer, &place)
                                .arg(processor.to_string())
                                .stdout(Stdio::piped())
                                .spawn()
                                .expect("this program starts again")
                        })
                        .collect();
                    let rates = readers.into_iter().map(|reader| {
                        let output = reader.wait_with_output().expect("its output").stdout;
                        let text = String::from_utf8(output).expect("a number");
                        text.trim().parse::<f64>().expect("a number")
                    });
                    let least = rates.fold(f64::MAX, f64::min);
                    figures.add(measure, size, peer.name, "1/s", least);
                }
            }
        }
    }
}
