use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Type};
use serde_json::Value as Json;

use crate::failure::{Failure, Result};
use crate::place::Place;
use crate::show::listed;
use crate::{json, time, value};

/// How often to look whether anybody still reads the output.
const GLANCE: Duration = Duration::from_secs(1);

const MORE: &str = "\
The record of the moment comes first, if there is one. Records that follow each
other faster than they can be printed are left out; with --every, none is that
the board still holds, and how many were missed is told. A board that is
replaced is watched on; one that is removed ends it, with exit status 1.

Examples:
  pegel watch tank
  pegel watch config --json --count 1 --timeout 5";

/// Print every new record, one a line, until interrupted
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Watch {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Print JSON: sequence, generation, published, age, record
    #[arg(long)]
    json: bool,
    /// Print every record that the board still holds, oldest first, and each new one
    #[arg(long)]
    every: bool,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Fail when no record came for so long
    #[arg(long, value_name = "SECONDS", value_parser = time::timeout)]
    timeout: Option<Duration>,
}

impl Watch {
    pub fn run(self, place: &Place) -> Result<()> {
        let mut reader = place.reader(&self.name)?;
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

    fn next(&self, reader: &mut Reader, mut after: u64) -> Result<Snapshot> {
        let start = Instant::now();
        loop {
            let left = self
                .timeout
                .map(|timeout| timeout.saturating_sub(start.elapsed()));
            let time = left.map_or(GLANCE, |left| left.min(GLANCE));
            let read = || {
                if self.every {
                    reader.read_after(after)
                } else {
                    reader.read()
                }
            };
            match reader.wait(after, Some(time)).and_then(|_| read()) {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) if error.kind() == ErrorKind::Gone => {
                    let fresh = reader.reopen()?;
                    if fresh.lineage() != reader.lineage() {
                        after = 0;
                    }
                    *reader = fresh;
                }
                Err(error) if error.kind() == ErrorKind::Timeout => {
                    if left == Some(time) {
                        return Err(error.into());
                    }
                    check_output()?;
                }
                Err(error) => return Err(error.into()),
            }
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
        Some(Type::Json) => value::line(String::from_utf8_lossy(snapshot.bytes()).trim_end()),
        Some(_) => format!("{} bytes", snapshot.bytes().len()),
        None => {
            let fields = snapshot.values().into_iter();
            let fields = fields.map(|(name, value)| format!("{name}={}", listed(&value)));
            fields.collect::<Vec<_>>().join(" ")
        }
    };
    let moment = time::local(stamp.published_ns);
    writeln!(io::stdout(), "{moment}  {}  {record}", stamp.sequence)?;
    Ok(())
}

/// Fails when the other end of the pipe was closed: without anything to write, nothing else tells.
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
