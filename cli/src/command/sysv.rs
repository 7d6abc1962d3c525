//! A board as text in System V shared memory, and back, for scripts that have not moved yet.

mod ipc;
mod memory;
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
The segment holds one text, padded with NULs, under a semaphore that is 1 when
it is free. It keeps its size, and is never removed while this runs. Scripts
acquire the semaphore with undo, read or write, and release it:

  Python   memory = sysv_ipc.SharedMemory(KEY)
           semaphore = sysv_ipc.Semaphore(KEY)
           semaphore.undo = True
           with semaphore: text = memory.read().split(b\"\\0\", 1)[0]
           tank = json.loads(text)
  PHP      $memory = shmop_open(KEY, 'w', 0, 0);
           $semaphore = sem_get(KEY, 1, 0660);
           sem_acquire($semaphore);
           $text = rtrim(shmop_read($memory, 0, shmop_size($memory)), \"\\0\");
           sem_release($semaphore);
           $tank = json_decode($text, true);
An empty text is none: try again. shm_get_var cannot read it, as that reads what
PHP alone wrote.

With --write, what scripts write there is published: the fields that they
changed, if all are good. Else the board NAME-sysv and standard error say why
not, as they do when somebody holds the semaphore for more than a second.

Examples:
  pegel sysv --board inverter --key 0x50454745
  pegel sysv --board config --key 0x50454746 --write config";

/// How often to look whether scripts have written.
const PACE: Duration = Duration::from_millis(100);
/// How often to look whether this is to end.
const GLANCE: Duration = Duration::from_millis(500);
/// The shortest pause between two records that are shown: nobody who polls sees more of them.
const PAUSE: Duration = Duration::from_millis(10);

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
    /// Bytes of the shared memory, if it is not there yet
    #[arg(long, value_name = "N", default_value = "65536")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=0x4000_0000))]
    size: u32,
    /// Permissions of the shared memory, if it is not there yet [default: the
    /// board's]
    #[arg(long, value_name = "OCTAL", value_parser = description::mode)]
    mode: Option<u32>,
    /// What the text looks like
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Publish what scripts write: the same board, which is written by turns
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
                "what is written into the text of {} is no text of {write}; give each a segment of its own",
                self.board
            )));
        }
        let reader = target.open(&board)?;
        let memory = Memory::open(memory::Place {
            key: self.key,
            semaphore: self.sem.unwrap_or(self.key),
            size: self.size as usize,
            mode: self.mode.unwrap_or(reader.info().mode),
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
            let ends = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&ends);
            let mut running = tokio::task::spawn_blocking(move || {
                let done = bridge.run(&told);
                done.map(|()| bridge)
            });
            let done = tokio::select! {
                done = &mut running => done,
                () = shutdown.requested() => { ends.store(true, Ordering::Relaxed); running.await }
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
    /// How long to wait for the board's turn, if scripts may write.
    writes: Option<Duration>,
    reader: Reader,
    memory: Memory,
    status: Status,
    /// The record that was shown last, from which scripts set out, and its text.
    shown: Option<u64>,
    text: Vec<u8>,
    /// What stood there when this looked last: that, or what a script wrote.
    seen: Vec<u8>,
}

impl Bridge {
    /// Until it is told to end.
    fn run(&mut self, ends: &AtomicBool) -> Result<()> {
        if self.writes.is_some() {
            self.remember();
        }
        while !ends.load(Ordering::Relaxed) {
            match self.step() {
                Ok(()) => self.status.ok()?,
                Err(failure) => {
                    // What is held or removed may come right again.
                    self.status.fail(&failure.to_string())?;
                    thread::sleep(PACE);
                }
            }
        }
        Ok(())
    }

    /// What this showed when it ran before, by which it knows what scripts wrote since then.
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
        if self.memory.is_removed() {
            self.memory.reopen()?;
            self.shown = None;
            self.seen.clear();
            let reason = "somebody removed the shared memory or its semaphore; it was made anew";
            return Err(Failure::Failed(reason.to_owned()));
        }
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
            thread::sleep(PAUSE);
        }
        let pause = if self.writes.is_some() { PACE } else { GLANCE };
        match self.reader.wait(sequence, Some(pause)) {
            // One that `rm` removed can still be read, and is not the board any more.
            Err(error) if error.kind() == ErrorKind::Gone => self.follow(),
            Err(error) if error.kind() != ErrorKind::Timeout => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Goes on with the board that has the name now.
    fn follow(&mut self) -> Result<()> {
        self.reader = self.reader.reopen()?;
        self.shown = None;
        Ok(())
    }

    /// Shows a record, unless a script has written meanwhile: that comes first.
    fn show(&mut self, text: Vec<u8>, sequence: u64) -> Result<()> {
        let held = self.memory.hold()?;
        let now = self.memory.text();
        if self.writes.is_some() && now != self.seen && !now.is_empty() {
            return Ok(());
        }
        self.memory.check(&text)?;
        // Before it is written: who comes after this, if it is killed here, has to know both texts.
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
        // Shown anew in any case: as it was published, or as it still is.
        self.shown = None;
        self.seen = text;
        Ok(())
    }

    /// The newest record with the changes of a script. A field that the script left as it was shown stays as it is
    /// now, so that a stale text changes nothing back.
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
