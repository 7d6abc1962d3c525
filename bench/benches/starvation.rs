//! How often a reader starts over while a writer in another process publishes at full speed. The
//! default number of slots was chosen by it.

#![allow(clippy::cast_precision_loss)] // of counts far below 2^52

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};

use pegel::ErrorKind;
use pegel::dynamic::{Reader, Writer};
use pegel_bench::Boards;

const SIZES: [u32; 7] = [64, 1024, 4096, 16_384, 65_536, 131_072, 1 << 20];
const SLOTS: [u32; 3] = [4, 8, 16];
const PART: &str = "PEGEL_BENCH_PART";

fn main() {
    if let Ok(board) = env::var(PART) {
        publish_until_killed(&board);
    }
    println!("           published  retries of a read");
    println!("  bytes slots  a read     mean   p50  p99.9    max  gave up");
    for size in SIZES {
        for slots in SLOTS {
            measure(size, slots);
        }
    }
}

fn publish_until_killed(board: &str) -> ! {
    let mut writer = Writer::open(board, None).expect("the board");
    let record = vec![7; writer.reader().schema().record_size()];
    writer.publish(&record).expect("to publish");
    println!("published");
    loop {
        writer.publish(&record).expect("to publish");
    }
}

fn measure(size: u32, slots: u32) {
    let boards = Boards::default();
    drop(boards.create("a", size, slots));
    let board = boards.name("a");
    let mut writer = Command::new(env::current_exe().expect("the path of this program"))
        .env(PART, &board)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let output = writer.stdout.as_mut().expect("a pipe");
    output.read_exact(&mut [0]).expect("a first record");

    let reads = if size > 65_536 { 20_000 } else { 200_000 };
    let reader = Reader::open(&board).expect("the board");
    let mut record = vec![0; size as usize];
    let mut retries = Vec::with_capacity(reads);
    let mut gave_up = 0;
    let first = reader.sequence().unwrap();
    while retries.len() < reads {
        match reader.read_into(&mut record) {
            Ok(stamp) => retries.push(stamp.retries),
            Err(error) if error.kind() == ErrorKind::Busy => gave_up += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let published = (reader.sequence().unwrap() - first) as f64 / reads as f64;
    writer.kill().expect("the other process ends");
    writer.wait().expect("the other process ends");

    let mean = retries.iter().copied().map(f64::from).sum::<f64>() / reads as f64;
    retries.sort_unstable();
    let [p50, p999, max] = [reads / 2, reads - reads / 1000, reads - 1].map(|at| retries[at]);
    println!(
        "{size:>7} {slots:>5} {published:>7.1} {mean:>8.3} {p50:>5} {p999:>6} {max:>6} {gave_up:>8}"
    );
}
