//! A board as text in System V shared memory, and back, for scripts that do not use Pegel yet.

mod ipc;
mod memory;
mod semaphore;
mod status;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use pegel::ErrorKind;
use pegel::dynamic::{Encoded, Reader, Writer};
use pegel_program::change;
use pegel_program::failure::{Failure, Result};
use pegel_program::follower;
use pegel_program::runtime;
use pegel_program::target::Target;
use pegel_program::time::timeout;

use self::memory::Memory;
use self::status::Status;
use self::text::Format;
use crate::description;

pub use self::status::SUFFIX;

const MORE: &str = "\
The segment holds one text under a semaphore that is 1 when it is free. Spaces
follow JSON, so that a script can decode the whole segment; NULs follow other
text. The segment keeps its size while the bridge runs. Scripts acquire the
semaphore with undo, read or write, and release it:

  Python   memory = sysv_ipc.SharedMemory(KEY)
           semaphore = sysv_ipc.Semaphore(KEY)
           semaphore.undo = True
           with semaphore: text = memory.read()
           tank = json.loads(text)
  PHP      $memory = shmop_open(KEY, 'w', 0, 0);
           $semaphore = sem_get(KEY, 1, 0660);
           sem_acquire($semaphore);
           $text = shmop_read($memory, 0, shmop_size($memory));
           sem_release($semaphore);
           $tank = json_decode($text, true);
A text that is not valid JSON was being written: try again. shm_get_var cannot
read it, as it reads only what PHP wrote.

A segment that exists must belong to this user or to root, with at most the
permissions of --mode. A script should not remove the segment or the semaphore:
the bridge creates them again at once, and reports it once.

With --write, the fields that a script changed are published, if all are valid.
Otherwise the board NAME-sysv and standard error have the reason, as they have
when a script holds the semaphore for more than a second.

Examples:
  pegel sysv --board inverter --key 0x50454745
  pegel sysv --board config --key 0x50454746 --write config";

/// How often the bridge checks what scripts wrote or removed, and whether it must end.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The shortest pause between two records that are shown: a script that polls does not see more.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Mirror a board as text in System V shared memory, and back
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Sysv {
    /// Board: NAME or DIRECTORY/NAME
    #[arg(long, value_name = "NAME")]
    board: String,
    /// The key of the shared memory, such as 0x50454745
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: i32,
    /// The key of its semaphore [default: the same]
    #[arg(long, value_name = "KEY", value_parser = key)]
    sem: Option<i32>,
    /// Size of new shared memory, in bytes
    #[arg(long, value_name = "N", default_value = "65536")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=0x4000_0000))]
    size: u32,
    /// Permissions of new shared memory, and the widest that existing one can
    /// have [default: the board's]
    #[arg(long, value_name = "OCTAL", value_parser = description::mode)]
    mode: Option<u32>,
    /// Format of the text
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Publish what scripts write: the same board, which must be shared
    #[arg(long, value_name = "BOARD")]
    write: Option<String>,
    /// How long to wait for another writer of the board
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = timeout)]
    timeout: Duration,
    /// Remove the shared memory and its semaphore on exit
    #[arg(long)]
    remove_on_exit: bool,
}

/// Reads a key, in decimal or, after 0x, in hexadecimal.
fn key(text: &str) -> std::result::Result<i32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match number {
        Some(number @ 1..) => Ok(number.cast_signed()),
        _ => Err("a key is 1 to 0xffffffff, such as 0x50454745".to_owned()),
    }
}

impl Sysv {
    pub fn run(self, target: &Target) -> Result<()> {
        let board = target.board(&self.board)?;
        if let Some(write) = &self.write
            && target.board(write)? != board
        {
            return Err(Failure::Usage(format!(
                "--write must be the board of --board (got {write} and {}). Give each board a \
                 segment of its own",
                self.board
            )));
        }
        let reader = target.open(&board)?;
        let memory = Memory::open(memory::Place {
            key: self.key,
            semaphore: self.sem.unwrap_or(self.key),
            size: self.size as usize,
            mode: self.mode.unwrap_or(reader.info().mode),
            padding: self.format.padding(reader.schema()),
        })?;
        let status = Status::create(&board, reader.info().mode)?;
        let mut bridge = Bridge {
            format: self.format,
            writes: self.write.is_some().then_some(self.timeout),
            shown: None,
            text: Vec::new(),
            seen: Vec::new(),
            board,
            reader,
            memory,
            status,
        };
        runtime::run(async |mut shutdown| {
            let is_over = Arc::new(AtomicBool::new(false));
            let must_end = Arc::clone(&is_over);
            let mut running = tokio::task::spawn_blocking(move || {
                let done = bridge.run(&must_end);
                done.map(|()| bridge)
            });
            let done = tokio::select! {
                done = &mut running => done,
                () = shutdown.requested() => {
                    is_over.store(true, Ordering::Relaxed);
                    running.await
                }
            };
            let bridge = done.map_err(|error| Failure::Failed(error.to_string()))??;
            if self.remove_on_exit {
                bridge.memory.remove()?;
            }
            Ok(())
        })
    }
}

struct Bridge {
    board: String,
    format: Format,
    /// How long to wait for another writer, if the bridge publishes what scripts write.
    writes: Option<Duration>,
    reader: Reader,
    memory: Memory,
    status: Status,
    /// The record that was shown last, which scripts change, and its text.
    shown: Option<u64>,
    text: Vec<u8>,
    /// The text that the memory had last: the same, or what a script wrote.
    seen: Vec<u8>,
}

impl Bridge {
    /// Runs until it must end.
    fn run(&mut self, is_over: &AtomicBool) -> Result<()> {
        if self.writes.is_some() {
            self.remember();
        }
        while !is_over.load(Ordering::Relaxed) {
            match self.step() {
                Ok(()) => self.status.ok()?,
                Err(failure) => {
                    // A semaphore that is held can become free, and a board can be created again.
                    self.status.fail(&failure.to_string())?;
                    thread::sleep(POLL_INTERVAL);
                }
            }
        }
        Ok(())
    }

    /// Restores the text of the last run, to find what scripts wrote since then.
    fn remember(&mut self) {
        let text = self.memory.text();
        if self.status.has_shown(&text) {
            self.text = text;
        } else if let Ok(then) = self.reader.read_at(self.status.sequence()) {
            let then = self.format.text(&self.reader, &then);
            self.text = then.unwrap_or_default().into_bytes();
        }
        self.seen.clone_from(&self.text);
    }

    fn step(&mut self) -> Result<()> {
        if self.memory.renew()? {
            self.shown = None;
            self.seen.clear();
            self.status.renewed("shared memory", 1)?;
        }
        self.status
            .renewed("semaphore", self.memory.take_renewals())?;
        if let Some(timeout) = self.writes {
            self.take(timeout)?;
        }
        let newest = match follower::newest(&self.reader) {
            Err(error) if error.kind() == ErrorKind::Gone => return self.follow(),
            newest => newest?,
        };
        let sequence = newest.as_ref().map_or(0, |newest| newest.stamp().sequence);
        if let Some(newest) = &newest
            && self.shown != Some(sequence)
        {
            let text = self.format.text(&self.reader, newest)?;
            self.show(text.into_bytes(), sequence)?;
            thread::sleep(MIN_INTERVAL);
        }
        match self.reader.wait(sequence, Some(POLL_INTERVAL)) {
            // A board that `rm` removed can still be read, but another one can have its name.
            Err(error) if error.kind() == ErrorKind::Gone => self.follow(),
            Err(error) if error.kind() != ErrorKind::Timeout => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Continues with the board that has the name now.
    fn follow(&mut self) -> Result<()> {
        self.reader = self.reader.reopen()?;
        self.shown = None;
        Ok(())
    }

    /// Shows a record, unless a script has written meanwhile: its text is published first.
    fn show(&mut self, text: Vec<u8>, sequence: u64) -> Result<()> {
        let held = self.memory.hold()?;
        let now = self.memory.text();
        if self.writes.is_some() && now != self.seen && !now.is_empty() {
            return Ok(());
        }
        self.memory.check(&text)?;
        // Before the text is written: if this bridge is then killed, the next one must know both
        // texts.
        self.status.shows(sequence, &text, &now)?;
        self.memory.write(&text, &held)?;
        drop(held);
        self.shown = Some(sequence);
        self.seen.clone_from(&text);
        self.text = text;
        Ok(())
    }

    /// Publishes what a script wrote, if it did.
    fn take(&mut self, timeout: Duration) -> Result<()> {
        if self.memory.text() == self.seen {
            return Ok(());
        }
        let text = {
            let _held = self.memory.hold()?;
            self.memory.text()
        };
        // A script that was killed leaves an empty text, and a script may have undone its change.
        if !text.is_empty() && text != self.seen {
            let mut writer = Writer::open(&self.board, Some(timeout))?;
            match self.record(writer.reader(), &text) {
                Ok(record) => {
                    writer.publish(&record)?;
                    self.status.accept()?;
                }
                Err(reason) => {
                    let board = &self.board;
                    let reason =
                        format!("board {board}: the text of a script was rejected: {reason}");
                    self.status.reject(&reason)?;
                }
            }
        }
        // In both cases the newest record is shown again.
        self.shown = None;
        self.seen = text;
        Ok(())
    }

    /// Returns the newest record with the changes of a script. A field that the script did not
    /// change keeps its newest value, so that a stale text does not restore an old one.
    fn record(&self, reader: &Reader, text: &[u8]) -> std::result::Result<Encoded, String> {
        let schema = reader.schema();
        if schema.document().is_some() {
            return change::document(schema, text.to_vec());
        }
        let text = std::str::from_utf8(text)
            .map_err(|error| format!("the text is not valid UTF-8: {error}"))?;
        let mut changes = self.format.fields(schema, text)?;
        let newest = change::newest(reader).map_err(|error| error.to_string())?;
        if newest.is_some() {
            let shown = String::from_utf8_lossy(&self.text);
            let shown = self.format.fields(schema, &shown).unwrap_or_default();
            changes.retain(|change| !shown.contains(change));
        }
        change::apply(schema, newest, &changes).map_err(|faults| change::message(&faults))
    }
}
