use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Type};
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::time::timeout;
use pegel_program::{escape, json};
use serde_json::Value as Json;

use crate::command::show::listed;
use crate::terminal::screen::Screen;
use crate::terminal::watch_table::Table;
use crate::time;

/// How often to check whether the output is still read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const MORE: &str = "\
In a terminal, a table shows the newest record, marks changed values and draws
the last numbers of each field; piped, each record is a line.

The current record comes first, if there is one. Records that are published
faster than they can be printed are skipped; with --every, only those that the
board no longer holds, with their number. A replaced board is watched further; a
removed one ends the command with exit status 1.

Examples:
  pegel watch tank
  pegel watch config --json --count 1 --timeout 5";

/// Show each new record, until interrupted
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Watch {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Print JSON: sequence, generation, published, age, record
    #[arg(long)]
    json: bool,
    /// Print every record that the board holds, oldest first, and each new one
    #[arg(long)]
    every: bool,
    /// Print lines instead of a table in a terminal
    #[arg(long)]
    lines: bool,
    /// Stop after N records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Fail if no record comes within this time
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    timeout: Option<Duration>,
}

impl Watch {
    pub fn run(self, target: &Target) -> Result<()> {
        let mut reader = target.reader(&self.name)?;
        // Options about single records need lines.
        let is_plain = self.json || self.every || self.lines || self.count.is_some();
        if !is_plain && let Some(screen) = Screen::new() {
            return self.show(&mut reader, Table::new(screen));
        }
        let mut after = 0;
        for _ in 0..self.count.unwrap_or(u64::MAX) {
            let snapshot = self.next(&mut reader, after)?;
            let stamp = snapshot.stamp();
            if self.every && !self.json && stamp.missed > 0 && after > 0 {
                writeln!(io::stdout(), "({} missed)", stamp.missed)?;
            }
            after = stamp.sequence;
            print(&reader, &snapshot, self.json)?;
        }
        Ok(())
    }

    /// A table that changes with each record, and with each second.
    fn show(&self, reader: &mut Reader, mut table: Table) -> Result<()> {
        let mut after = 0;
        let mut start = Instant::now();
        loop {
            match self.next_within(reader, &mut after, self.poll_interval(start))? {
                Some(snapshot) => {
                    after = snapshot.stamp().sequence;
                    table.show(reader, snapshot)?;
                    start = Instant::now();
                }
                None => table.age(reader)?,
            }
            self.check_time(reader, after, start)?;
        }
    }

    fn next(&self, reader: &mut Reader, mut after: u64) -> Result<Snapshot> {
        let start = Instant::now();
        loop {
            let time = self.poll_interval(start);
            if let Some(snapshot) = self.next_within(reader, &mut after, time)? {
                return Ok(snapshot);
            }
            self.check_time(reader, after, start)?;
            check_output()?;
        }
    }

    /// How long to wait for a record before the next check.
    fn poll_interval(&self, start: Instant) -> Duration {
        let left = self
            .timeout
            .map(|timeout| timeout.saturating_sub(start.elapsed()));
        left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL))
    }

    /// Fails if no record came within the timeout.
    fn check_time(&self, reader: &Reader, after: u64, start: Instant) -> Result<()> {
        let is_over = self
            .timeout
            .is_some_and(|timeout| start.elapsed() >= timeout);
        match reader.wait(after, Some(Duration::ZERO)) {
            Err(error) if is_over && error.kind() == ErrorKind::Timeout => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The next record, if it comes in time.
    fn next_within(
        &self,
        reader: &mut Reader,
        after: &mut u64,
        time: Duration,
    ) -> Result<Option<Snapshot>> {
        let read = || {
            if self.every {
                reader.read_after(*after)
            } else {
                reader.read()
            }
        };
        match reader.wait(*after, Some(time)).and_then(|_| read()) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if error.kind() == ErrorKind::Gone => {
                let fresh = reader.reopen()?;
                if fresh.lineage() != reader.lineage() {
                    *after = 0;
                }
                *reader = fresh;
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A record on a line.
pub fn print(reader: &Reader, snapshot: &Snapshot, as_json: bool) -> Result<()> {
    let stamp = snapshot.stamp();
    if as_json {
        let mut line = json::stamp(snapshot);
        line.insert("missed".into(), stamp.missed.into());
        line.insert("record".into(), json::record(reader, snapshot)?);
        return Ok(json::print(&Json::Object(line))?);
    }
    let record = match reader.schema().document() {
        Some(Type::Json) => escape::line(String::from_utf8_lossy(snapshot.bytes()).trim_end()),
        Some(_) => format!("{} bytes", snapshot.bytes().len()),
        None => {
            let fields = snapshot.values().into_iter();
            let fields = fields.map(|(name, value)| format!("{name}={}", listed(&value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    let moment = time::published(stamp);
    writeln!(io::stdout(), "{moment}  {}  {record}", stamp.sequence)?;
    Ok(())
}

/// Fails if the other end of the pipe is closed, which no write would report while no record comes.
fn check_output() -> Result<()> {
    let out = io::stdout();
    let mut polled = [PollFd::new(out.as_fd(), PollFlags::empty())];
    poll(&mut polled, PollTimeout::ZERO).map_err(io::Error::from)?;
    let closed = polled[0]
        .revents()
        .is_some_and(|events| events.intersects(PollFlags::POLLERR | PollFlags::POLLHUP));
    if closed {
        return Err(Failure::Output(io::ErrorKind::BrokenPipe.into()));
    }
    Ok(())
}
