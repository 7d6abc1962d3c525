//! Pegel and what people would use instead, measured in one run: `compare [--quick] [FILE]`.

mod alone;
mod contended;
mod figures;
mod opening;
mod peers;
mod timing;
mod waking;

use std::cell::Cell;
use std::env;
use std::fs;
use std::path::PathBuf;

use figures::Figures;
use tempfile::TempDir;

/// How often each measure is taken, by all peers one after the other.
pub const ROUNDS: usize = 5;
const SIZES: [usize; 5] = [64, 256, 1024, 4096, 65_536];
const QUICK_SIZES: [usize; 2] = [64, 1024];

/// The extent of the run, and its directory.
pub struct Run {
    /// Only the main measures.
    pub is_quick: bool,
    /// Bytes of a record.
    pub sizes: &'static [usize],
    boards: TempDir,
    made: Cell<usize>,
}

impl Run {
    /// A new directory, in memory.
    pub fn directory(&self, name: &str) -> PathBuf {
        let number = self.made.replace(self.made.get() + 1);
        let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        // Unique, as some peers have one place for all names.
        let own = self.boards.path().file_name().unwrap_or_default();
        let directory = format!(
            "{}-{name}{number}",
            own.to_string_lossy().trim_start_matches('.')
        );
        let directory = self.boards.path().join(directory);
        fs::create_dir(&directory).expect("a directory in /dev/shm");
        directory
    }
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match env::var(contended::PART).as_deref() {
        Ok("write") => return contended::write(&arguments),
        Ok("read") => return contended::count_reads(&arguments),
        Ok("open") => return opening::open_once(&arguments),
        Ok(_) => return waking::wait(&arguments),
        Err(_) => {}
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let file = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let file = file.map_or("target/bench/core.jsonl", String::as_str);
    let run = Run {
        is_quick,
        sizes: if is_quick { &QUICK_SIZES } else { &SIZES },
        boards: tempfile::tempdir_in("/dev/shm").expect("/dev/shm takes files"),
        made: Cell::new(0),
    };
    let mut figures = Figures::default();
    eprintln!("alone ...");
    alone::measure(&run, &mut figures);
    eprintln!("opening ...");
    opening::measure(&run, &mut figures);
    eprintln!("with a writer ...");
    contended::measure(&run, &mut figures);
    if !is_quick {
        eprintln!("readers ...");
        contended::measure_readers(&run, &mut figures);
    }
    eprintln!("waking ...");
    waking::measure(&run, &mut figures);
    figures
        .write(file.as_ref())
        .expect("a file for the figures");
}
