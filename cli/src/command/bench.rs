use std::hint::black_box;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use pegel::dynamic::{Reader, Writer};
use pegel::{Field, Options, Schema, Type, unlink};
use pegel_program::failure::{Failure, Result};
use pegel_program::json;
use pegel_program::target::Target;
use serde_json::json;

use crate::terminal::table;

const MORE: &str = "\
Each figure is the median of five rounds, on a temporary board. The project's
bench/RESULTS.md compares Pegel with alternatives.";

const SIZES: [u32; 3] = [64, 1024, 65_536];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(60);
const WAKES: usize = 101;

/// Measure publishing, reading and waking on this machine
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Bench {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The times for one size of records, in nanoseconds.
struct Figures {
    size: u32,
    publish: f64,
    read: f64,
    open: f64,
}

/// The rates of a writer and a reader at the same time.
struct Together {
    publications: f64,
    reads: f64,
    torn: u64,
}

impl Bench {
    pub fn run(self, target: &Target) -> Result<()> {
        let board = target.board(&format!("bench-{}", std::process::id()))?;
        let done = self.measure(&board);
        // Also after a failure.
        let removed = unlink(&board);
        done?;
        Ok(removed?)
    }

    fn measure(&self, board: &str) -> Result<()> {
        let mut figures = Vec::new();
        for size in SIZES {
            progress(&format!("records of {size} bytes"));
            figures.push(alone(board, size)?);
        }
        progress("waking");
        let wake = wake(board)?;
        progress("a writer and a reader at once");
        let together = together(board)?;
        progress("");
        if self.json {
            let sizes = figures.iter().map(|of| {
                json!({
                    "size": of.size,
                    "publish_ns": of.publish,
                    "read_ns": of.read,
                    "open_ns": of.open,
                })
            });
            let sizes: Vec<_> = sizes.collect();
            return Ok(json::print(&json!({
                "sizes": sizes,
                "wake_ns": wake,
                "publications_per_second": together.publications,
                "reads_per_second": together.reads,
                "torn": together.torn,
            }))?);
        }
        print(&figures, wake, &together)?;
        if together.torn > 0 {
            return Err(Failure::Failed(
                "records came torn: please report this machine".to_owned(),
            ));
        }
        Ok(())
    }
}

/// As a table and two sentences.
fn print(figures: &[Figures], wake: f64, together: &Together) -> Result<()> {
    let mut rows = vec![["RECORD", "PUBLISH", "READ", "OPEN AND READ"].map(str::to_owned)];
    rows.extend(figures.iter().map(|of| {
        [
            format!("{} B", of.size),
            time(of.publish),
            time(of.read),
            time(of.open),
        ]
    }));
    table::print(&rows)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "\nA publication wakes a waiting reader within {}.",
        time(wake)
    )?;
    writeln!(
        out,
        "A writer and a reader at once, {} B: {:.1} million publications and {:.1} million \
         reads a second, {} torn.",
        SIZES[0],
        together.publications / 1e6,
        together.reads / 1e6,
        together.torn,
    )?;
    Ok(())
}

/// Shows progress on standard error, if that is a terminal.
fn progress(text: &str) {
    let mut out = io::stderr();
    if out.is_terminal() {
        let text = if text.is_empty() {
            String::new()
        } else {
            format!("measuring {text} ...")
        };
        let _ = write!(out, "\r\x1b[K{text}");
    }
}

fn writer(board: &str, size: u32) -> Result<Writer> {
    let words = Field::new("words", Type::U64).array(size / 8);
    let options = Options {
        replace: true,
        ..Options::default()
    };
    Ok(Writer::create(board, &Schema::new(vec![words])?, &options)?)
}

fn alone(board: &str, size: u32) -> Result<Figures> {
    let mut writer = writer(board, size)?;
    let mut record = vec![0; size as usize];
    let publish = median(|| {
        if writer.publish_fast(black_box(&record)).is_none() {
            writer.publish(black_box(&record))?;
        }
        Ok(())
    })?;
    let reader = Reader::open(board)?;
    let read = median(|| {
        if !reader.read_fast(&mut record) {
            reader.read_into(&mut record)?;
        }
        black_box(&record);
        Ok(())
    })?;
    let open = median(|| {
        Reader::open(board)?.read_into(&mut record)?;
        Ok(())
    })?;
    Ok(Figures {
        size,
        publish,
        read,
        open,
    })
}

/// How long a call takes, in nanoseconds.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn median(mut call: impl FnMut() -> pegel::Result<()>) -> Result<f64> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..16 {
                call()?;
            }
            calls += 16;
        }
        rounds.push(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

/// The time from the call that publishes until a wait in another thread returns.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn wake(board: &str) -> Result<f64> {
    let mut writer = writer(board, SIZES[0])?;
    let reader = Reader::open(board)?;
    let (woken, times) = channel();
    // Before the thread starts, which may be late.
    let mut after = reader.sequence()?;
    let waiting = thread::spawn(move || {
        for _ in 0..WAKES {
            after = reader.wait(after, None)?;
            if woken.send(Instant::now()).is_err() {
                break;
            }
        }
        pegel::Result::Ok(())
    });
    let mut latencies = Vec::with_capacity(WAKES);
    for _ in 0..WAKES {
        // Long enough for it to sleep.
        thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        writer.publish(&[0; SIZES[0] as usize])?;
        match times.recv_timeout(Duration::from_secs(10)) {
            Ok(time) => latencies.push(time.saturating_duration_since(start).as_nanos()),
            Err(error) => return Err(Failure::Failed(format!("nobody was woken: {error}"))),
        }
    }
    let _done = waiting.join();
    latencies.sort_unstable();
    Ok(latencies[WAKES / 2] as f64)
}

fn together(board: &str) -> Result<Together> {
    let mut writer = writer(board, SIZES[0])?;
    writer.publish(&[0; SIZES[0] as usize])?;
    let reader = Reader::open(board)?;
    let is_over = AtomicBool::new(false);
    let (mut reads, mut torn) = (0_u32, 0);
    let (mut count, start) = (0_u32, Instant::now());
    let time = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                count += 1;
                let record: Vec<u8> = count.to_ne_bytes().repeat(SIZES[0] as usize / 4);
                if writer.publish_fast(&record).is_none() {
                    writer.publish(&record)?;
                }
            }
            pegel::Result::Ok(())
        });
        let mut record = [0; SIZES[0] as usize];
        let done = (|| {
            while start.elapsed() < ROUND * 5 {
                for _ in 0..16 {
                    if !reader.read_fast(&mut record) {
                        reader.read_into(&mut record)?;
                    }
                    torn += u64::from(record.chunks_exact(4).any(|part| part != &record[..4]));
                }
                reads += 16;
            }
            pegel::Result::Ok(start.elapsed())
        })();
        is_over.store(true, Ordering::Relaxed);
        let written = writing.join().expect("it does not panic");
        written.and(done)
    })?;
    Ok(Together {
        publications: f64::from(count) / time.as_secs_f64(),
        reads: f64::from(reads) / time.as_secs_f64(),
        torn,
    })
}

/// Nanoseconds in the unit that fits.
fn time(ns: f64) -> String {
    match ns {
        ..100.0 => format!("{ns:.1} ns"),
        ..1000.0 => format!("{ns:.0} ns"),
        ..10_000.0 => format!("{:.1} us", ns / 1000.0),
        _ => format!("{:.0} us", ns / 1000.0),
    }
}
