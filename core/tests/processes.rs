//! Real processes: writers that are killed, that wait for the lock, that fork; readers that wait.
//!
//! A process is this program, started again for one test with its role in the environment.

#![cfg(not(pegel_loom))]

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type};

/// Ends a test that hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

fn schema() -> Schema {
    Schema::new(vec![Field::new("words", Type::U64).array(32)]).unwrap()
}

/// A record that shows whether it is whole: every word is the same.
fn record(word: u64) -> Vec<u8> {
    word.to_ne_bytes().repeat(32)
}

fn word(record: &[u8]) -> u64 {
    let word = u64::from_ne_bytes(record[..8].try_into().unwrap());
    assert_eq!(record, self::record(word), "torn");
    word
}

struct Process(Child);

impl Process {
    fn start(test: &str, part: &str, board: &str) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env("PEGEL_PART", part)
            .env("PEGEL_BOARD", board)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// Waits until the process has reached the state that the test needs.
    fn ready(&mut self) {
        let output = BufReader::new(self.0.stdout.as_mut().unwrap());
        assert!(output.lines().any(|line| line.unwrap().ends_with("ready")));
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn join(mut self) {
        drop(self.0.stdin.take());
        let mut rest = String::new();
        self.0
            .stdout
            .as_mut()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert!(self.0.wait().unwrap().success(), "{rest}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The board, if this process has that role.
fn plays(part: &str) -> Option<String> {
    (env::var("PEGEL_PART").ok()? == part).then(|| env::var("PEGEL_BOARD").unwrap())
}

fn say_ready() {
    println!("ready");
    std::io::stdout().flush().unwrap();
}

fn wait_for_end_of_input() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn killed_writers_leave_whole_records_and_a_free_board() {
    if let Some(board) = plays("writer") {
        let mut writer = Writer::create(&board, &schema(), &Options::default()).unwrap();
        say_ready();
        loop {
            let next = writer.reader().sequence().unwrap() + 1;
            writer.publish(&record(next)).unwrap();
        }
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let mut newest = 0;
    for generation in 1..=30 {
        let test = "killed_writers_leave_whole_records_and_a_free_board";
        let mut writer = Process::start(test, "writer", &board);
        writer.ready();
        let reader = Reader::open(&board).unwrap();
        // It is publishing; each round kills it after another number of reads.
        for _ in 0..generation * 100 {
            reader.wait(newest, Some(WATCHDOG)).unwrap();
            let now = reader.read().unwrap();
            assert_eq!(word(now.bytes()), now.stamp().sequence);
            assert!(now.stamp().sequence > newest);
            newest = now.stamp().sequence;
        }
        assert!(reader.writer_alive().unwrap());
        writer.kill();
        assert!(!reader.writer_alive().unwrap());
        let last = reader.read().unwrap();
        assert_eq!(last.stamp().retries, 0);
        assert_eq!(word(last.bytes()), last.stamp().sequence);
        assert_eq!(last.stamp().generation, generation);
        newest = last.stamp().sequence;
    }
    let mut successor = Writer::create(&board, &schema(), &Options::default()).unwrap();
    assert_eq!(successor.publish(&record(newest + 1)).unwrap(), newest + 1);
}

#[test]
fn writers_of_a_shared_board_lose_no_change() {
    const WRITERS: u64 = 4;
    const CHANGES: u64 = 200;
    if let Some(board) = plays("turns") {
        for _ in 0..CHANGES {
            let mut writer = Writer::open(&board, Some(WATCHDOG)).unwrap();
            let now = writer.reader().read().unwrap();
            writer.publish(&record(word(now.bytes()) + 1)).unwrap();
        }
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let mut writer = Writer::create(&board, &schema(), &Options::default()).unwrap();
    writer.publish(&record(0)).unwrap();
    drop(writer);
    let test = "writers_of_a_shared_board_lose_no_change";
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| Process::start(test, "turns", &board))
        .collect();
    writers.into_iter().for_each(Process::join);
    let last = Reader::open(&board).unwrap().read().unwrap();
    assert_eq!(word(last.bytes()), WRITERS * CHANGES);
    assert_eq!(last.stamp().sequence, WRITERS * CHANGES + 1);
}

#[test]
fn a_waiter_is_woken_by_every_last_publication() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let mut writer = Writer::create(&board, &schema(), &Options::default()).unwrap();
    let (report, reports) = mpsc::channel();
    let waiting = thread::spawn({
        let reader = Reader::open(&board).unwrap();
        move || {
            let mut newest = 0;
            while newest < 2000 {
                newest = reader.wait(newest, Some(WATCHDOG)).unwrap();
                report.send(newest).unwrap();
            }
        }
    });
    // Pairs of which the second follows so fast that it does not wake. A waiter that missed one
    // would poll again after a second, and a thousand of those exceed the watchdog.
    let end = Instant::now() + WATCHDOG;
    for pair in 1..=1000_u64 {
        writer.publish(&record(pair)).unwrap();
        let pause = Instant::now() + Duration::from_micros(pair % 40);
        while Instant::now() < pause {
            std::hint::spin_loop();
        }
        let last = writer.publish(&record(pair)).unwrap();
        let left = || end.saturating_duration_since(Instant::now());
        while reports.recv_timeout(left()).expect("the waiter sleeps") < last {}
    }
    waiting.join().unwrap();
    let late = writer
        .reader()
        .wait(2000, Some(Duration::from_millis(2)))
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout);
}

#[test]
fn a_writer_waits_for_another_and_takes_over_after_a_kill() {
    if let Some(board) = plays("holder") {
        let _writer = Writer::open(&board, None).unwrap();
        say_ready();
        wait_for_end_of_input();
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    drop(Writer::create(&board, &schema(), &Options::default()).unwrap());
    let test = "a_writer_waits_for_another_and_takes_over_after_a_kill";
    let mut holder = Process::start(test, "holder", &board);
    holder.ready();
    let early = Writer::open(&board, Some(Duration::from_millis(5))).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Locked);
    let next = thread::spawn({
        let board = board.clone();
        move || {
            Writer::open(&board, Some(WATCHDOG))
                .unwrap()
                .publish(&record(1))
                .unwrap()
        }
    });
    holder.kill();
    assert_eq!(next.join().unwrap(), 1);
}

#[test]
#[allow(unsafe_code)]
fn a_forked_child_cannot_publish() {
    if let Some(board) = plays("parent") {
        let mut writer = Writer::create(&board, &schema(), &Options::default()).unwrap();
        // SAFETY: the test's process has one other thread, which sleeps; the child only publishes
        // and ends.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let refused = writer.publish(&record(1)).unwrap_err();
                let fits = refused.kind() == ErrorKind::InvalidArgument
                    && refused.to_string().contains("fork");
                std::process::exit(i32::from(!fits));
            }
            ForkResult::Parent { child } => {
                let status = waitpid(child, None).unwrap();
                assert!(
                    matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)),
                    "{status:?}"
                );
                assert_eq!(writer.publish(&record(1)).unwrap(), 1);
            }
        }
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    Process::start("a_forked_child_cannot_publish", "parent", &board).join();
}

#[test]
#[allow(unsafe_code)]
fn a_forked_child_does_not_keep_the_board() {
    if let Some(board) = plays("parent") {
        let mut writer = Writer::create(&board, &schema(), &Options::default()).unwrap();
        // SAFETY: the test's process has one other thread, which sleeps; the children do little.
        if let ForkResult::Parent { child } = unsafe { fork() }.unwrap() {
            waitpid(child, None).unwrap();
        } else {
            // What the child does with its copy does not affect its parent.
            drop(writer);
            std::process::exit(0);
        }
        writer.publish(&record(1)).unwrap();
        let refused = Writer::open(&board, Some(Duration::ZERO)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        // SAFETY: as above.
        if let ForkResult::Child = unsafe { fork() }.unwrap() {
            say_ready();
        }
        wait_for_end_of_input();
        std::process::exit(0);
    }
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let test = "a_forked_child_does_not_keep_the_board";
    let mut parent = Process::start(test, "parent", &board);
    parent.ready();
    let reader = Reader::open(&board).unwrap();
    assert!(reader.writer_alive().unwrap());
    parent.kill();
    assert!(!reader.writer_alive().unwrap());
    let mut writer = Writer::open(&board, Some(Duration::ZERO)).unwrap();
    assert_eq!(writer.publish(&record(2)).unwrap(), 2);
}

#[test]
fn creators_race_and_one_wins() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    for round in 0..50 {
        let board = format!("{}/b{round}", directory.path().display());
        let creators: Vec<_> = (0..4)
            .map(|_| {
                let board = board.clone();
                thread::spawn(move || Writer::create(&board, &schema(), &Options::default()))
            })
            .collect();
        let results: Vec<_> = creators
            .into_iter()
            .map(|creator| creator.join().unwrap())
            .collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let losers = results.iter().filter_map(|result| result.as_ref().err());
        assert!(
            losers
                .into_iter()
                .all(|error| error.kind() == ErrorKind::Locked)
        );
    }
}

#[test]
fn creators_that_wait_all_get_the_lock() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let options = Options {
        timeout: WATCHDOG,
        ..Options::default()
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mut writer = Writer::create(&board, &schema(), &options).unwrap();
                    writer.publish(&record(1)).unwrap();
                }
            });
        }
    });
    assert_eq!(Reader::open(&board).unwrap().sequence().unwrap(), 160);
}
