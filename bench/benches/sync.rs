//! The cost of a record that is on disk when a call returns: Pegel's durable file beside a file
//! that is replaced as a whole, a board on a disk that is msynced, and `SQLite`.
//!
//! `PEGEL_BENCH_DISK` is a directory on the disk. The kernel counts the writes of the whole disk,
//! so a disk that nothing else uses, such as a loop device, gives the best figures.

#![allow(clippy::cast_precision_loss)] // of counts far below 2^52

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use memmap2::MmapOptions;
use nix::sys::stat::{major, minor};
use pegel::Options;
use pegel::dynamic::Writer;
use pegel_bench::{Boards, schema};
use rusqlite::{Connection, params};

const SIZES: [u32; 3] = [64, 4096, 65_536];
const SYNCS: usize = 300;

fn main() {
    let disk = env::var_os("PEGEL_BENCH_DISK").map_or_else(|| "target".into(), PathBuf::from);
    let Some(disk) = env::var_os("PEGEL_DURABLE_DIR") else {
        let disk = tempfile::tempdir_in(disk).expect("a directory on the disk");
        let again = Command::new(env::current_exe().expect("the path of this program"))
            .env("PEGEL_DURABLE_DIR", disk.path())
            .status();
        assert!(again.expect("this program starts again").success());
        return;
    };
    let disk = Path::new(&disk);
    println!("                       ms a sync    of the disk, a sync");
    println!(" bytes  way            p50    p99   writes    KiB  flushes");
    for size in SIZES {
        measure(size, "durable file", disk, durable(size));
        measure(size, "shared", disk, shared(size));
        measure(size, "file replaced", disk, replaced(size, disk));
        measure(size, "msynced board", disk, msynced(size, disk));
        measure(size, "SQLite, WAL", disk, sqlite(size, disk));
    }
}

/// Publishes a record of these bytes, and returns when it is on disk.
type Sync = Box<dyn FnMut(&[u8])>;

fn durable(size: u32) -> Sync {
    let boards = Boards::default();
    let options = Options {
        durable: true,
        ..Options::default()
    };
    let board = boards.name(&format!("durable-{size}"));
    let mut writer = Writer::create(&board, &schema(size), &options).expect("a durable board");
    Box::new(move |record| {
        let _in_use = &boards;
        writer.publish(record).expect("to publish");
        writer.sync().expect("to sync");
    })
}

/// As a page does, which cannot know that the record of another page is on disk.
fn shared(size: u32) -> Sync {
    let boards = Boards::default();
    let options = Options {
        durable: true,
        ..Options::default()
    };
    let board = boards.name(&format!("turns-{size}"));
    drop(Writer::create(&board, &schema(size), &options).expect("a durable board"));
    Box::new(move |record| {
        let _in_use = &boards;
        let mut writer = Writer::open(&board, None).expect("a turn");
        writer.publish(record).expect("to publish");
        writer.sync().expect("to sync");
    })
}

fn replaced(size: u32, disk: &Path) -> Sync {
    let boards = Boards::default();
    let mut writer = boards.create("replaced", size, 0);
    let file = disk.join("snapshot");
    Box::new(move |record| {
        let _in_use = &boards;
        writer.publish(record).expect("to publish");
        writer.reader().save(&file).expect("to save");
    })
}

fn msynced(size: u32, disk: &Path) -> Sync {
    let board = format!("{}/msynced-{size}", disk.display());
    let mut writer = Writer::create(&board, &schema(size), &Options::default()).expect("a board");
    let mut options = File::options();
    let file = options.read(true).write(true).open(writer.reader().path());
    let map = MmapOptions::new().map_raw(&file.expect("its file"));
    let map = map.expect("a mapping");
    Box::new(move |record| {
        writer.publish(record).expect("to publish");
        map.flush().expect("to msync");
    })
}

fn sqlite(size: u32, disk: &Path) -> Sync {
    let database = Connection::open(disk.join(format!("{size}.sqlite"))).expect("a database");
    let begin = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
                 CREATE TABLE board (id INTEGER PRIMARY KEY, record BLOB)";
    database.execute_batch(begin).expect("a table");
    Box::new(move |record| {
        let replace = database.prepare_cached("INSERT OR REPLACE INTO board VALUES (1, ?)");
        let done = replace.expect("a statement").execute(params![record]);
        done.expect("to insert");
    })
}

fn measure(size: u32, way: &str, disk: &Path, mut sync: Sync) {
    let mut record = vec![0; size as usize];
    let mut times = Vec::with_capacity(SYNCS);
    // The first syncs also allocate blocks and begin a journal.
    for _ in 0..10 {
        sync(&record);
    }
    let before = written(disk);
    for round in 0..SYNCS {
        record.fill(round.to_le_bytes()[0]);
        let start = Instant::now();
        sync(&record);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let after = written(disk);
    times.sort_by(f64::total_cmp);
    let [p50, p99] = [SYNCS / 2, SYNCS - SYNCS / 100].map(|at| times[at]);
    let [writes, sectors, flushes] =
        [0, 1, 2].map(|at| (after[at] - before[at]) as f64 / SYNCS as f64);
    let kib = sectors / 2.0;
    println!("{size:>6}  {way:13} {p50:>5.2} {p99:>6.2} {writes:>8.1} {kib:>6.1} {flushes:>8.1}");
}

/// Writes, written sectors and flushes of the disk so far (Documentation/block/stat.rst of Linux).
fn written(disk: &Path) -> [u64; 3] {
    let device = fs::metadata(disk).expect("the directory").dev();
    let path = format!("/sys/dev/block/{}:{}/stat", major(device), minor(device));
    let text = fs::read_to_string(path).expect("the disk's counters");
    let counters: Vec<u64> = text
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    [4, 6, 15].map(|index| counters[index])
}
