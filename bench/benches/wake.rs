//! A change of the configuration and the answer of the process that waits for it: two wakes, beside
//! those of a pair of pipes. Before each, both sides have slept for a millisecond.

#![allow(missing_docs)] // criterion's macros make public functions

use std::env;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use pegel::dynamic::{Reader, Writer};
use pegel_bench::Boards;

const SIZE: u32 = 64;
const PAUSE: Duration = Duration::from_millis(1);
const PART: &str = "PEGEL_BENCH_PART";

fn other(part: &str) -> Child {
    let program = env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command
        .env(PART, part)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command.spawn().expect("this program starts again")
}

/// Answers each publication on one board with one on the other, until the board is removed.
fn answer_on_boards(directory: &str) {
    let asked = Reader::open(&format!("{directory}/asked")).expect("the asking board");
    let mut answered = Writer::open(&format!("{directory}/answered"), None).expect("the answers");
    let mut newest = 0;
    while let Ok(sequence) = asked.wait(newest, None) {
        newest = sequence;
        answered.publish(&[0; SIZE as usize]).expect("an answer");
    }
}

fn answer_on_pipes() {
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        std::io::stdout().write_all(&byte).expect("an answer");
        std::io::stdout().flush().expect("an answer");
    }
}

/// Measures a question and its answer, without the pause before.
fn timed(bencher: &mut Bencher, mut ask: impl FnMut()) {
    bencher.iter_custom(|times| {
        let timed = (0..times).map(|_| {
            thread::sleep(PAUSE);
            let start = Instant::now();
            ask();
            start.elapsed()
        });
        timed.sum()
    });
}

fn wakes(criterion: &mut Criterion) {
    match env::var(PART) {
        Ok(part) if part == "pipes" => return answer_on_pipes(),
        Ok(directory) => return answer_on_boards(&directory),
        Err(_) => {}
    }
    let mut group = criterion.benchmark_group("there and back");

    let boards = Boards::default();
    let mut asked = boards.create("asked", SIZE, 0);
    drop(boards.create("answered", SIZE, 0));
    let mut child = other(boards.name("").trim_end_matches('/'));
    let answered = Reader::open(&boards.name("answered")).expect("the answering board");
    group.bench_function("boards", |bencher| {
        timed(bencher, || {
            let newest = answered.sequence().unwrap();
            asked.publish(&[0; SIZE as usize]).expect("a question");
            answered.wait(newest, None).expect("an answer");
        });
    });
    child.kill().expect("the other process ends");
    child.wait().expect("the other process ends");

    let mut child = other("pipes");
    let mut questions = child.stdin.take().expect("a pipe");
    let mut answers = child.stdout.take().expect("a pipe");
    group.bench_function("pipes", |bencher| {
        timed(bencher, || {
            questions.write_all(&[1]).expect("a question");
            answers.read_exact(&mut [0]).expect("an answer");
        });
    });
    drop(questions);
    child.wait().expect("the other process ends");
    group.finish();
}

criterion_group!(benches, wakes);
criterion_main!(benches);
