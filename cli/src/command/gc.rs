use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use pegel::ErrorKind;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::time::timeout;
use pegel_program::{escape, json};
use serde_json::json;

use crate::time;

const MORE: &str = "\
Boards that are written by turns, such as a configuration, have no writer most
of the time: look before you say yes. y removes it, n keeps it, a removes it
and all that follow, q ends. What is damaged is asked about too; boards of
strangers, those that you may not write, and durable ones, which `pegel rm`
removes, are left alone.

Examples:
  pegel gc
  pegel gc --older 86400 --yes";

/// Remove boards that have no writer, after asking
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Gc {
    /// Only boards whose newest record is older than that
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    older: Option<Duration>,
    /// Remove them without asking
    #[arg(long)]
    yes: bool,
    /// Only say what would be asked about
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print one JSON object a removed board, one a line
    #[arg(long)]
    json: bool,
}

/// What somebody answers.
#[derive(PartialEq)]
enum Answer {
    Yes,
    No,
    All,
    Quit,
}

impl Gc {
    pub fn run(self, target: &Target) -> Result<()> {
        let directory = target.directory();
        let mut is_sure = self.yes;
        if !is_sure && !self.dry_run && !io::stdin().is_terminal() {
            let reason = "gc asks before it removes anything: say --yes where nobody can answer";
            return Err(Failure::Usage(reason.to_owned()));
        }
        let mut found = 0;
        for name in pegel::list(Some(&directory))? {
            let board = format!("{}/{name}", directory.display());
            let Some(told) = self.orphan(target, &board)? else {
                continue;
            };
            found += 1;
            if self.dry_run {
                writeln!(io::stdout(), "{name}: {told}")?;
                continue;
            }
            match if is_sure {
                Answer::Yes
            } else {
                ask(&name, &told)?
            } {
                Answer::Quit => return Ok(()),
                Answer::No => continue,
                Answer::All => is_sure = true,
                Answer::Yes => {}
            }
            match pegel::unlink(&board) {
                // Somebody else was faster, or took it meanwhile.
                Err(error) if matches!(error.kind(), ErrorKind::Locked | ErrorKind::NotFound) => {}
                Err(error) => return Err(error.into()),
                Ok(()) if self.json => json::print(&json!({ "board": name, "removed": true }))?,
                Ok(()) => writeln!(io::stdout(), "removed {name}")?,
            }
        }
        if found == 0 && !self.json {
            let _ = writeln!(
                io::stderr(),
                "no board without a writer in {}",
                directory.display()
            );
        }
        Ok(())
    }

    /// What there is to know of a board without a writer; `None` of one that is not to be removed.
    fn orphan(&self, target: &Target, board: &str) -> Result<Option<String>> {
        let reader = match target.open(board) {
            Err(error) if error.kind() == ErrorKind::Corrupt && self.older.is_none() => {
                return Ok(Some("damaged".to_owned()));
            }
            // Not ours, or no more there.
            Err(_) => return Ok(None),
            Ok(reader) => reader,
        };
        // A durable one was made to stay.
        if reader.writer_alive()? || reader.info().durable {
            return Ok(None);
        }
        let snapshot = match reader.read() {
            Err(error) if error.kind() == ErrorKind::Empty => {
                let told = "nothing was ever published";
                return Ok(self.older.is_none().then(|| told.to_owned()));
            }
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(None),
            Err(error) => {
                return Ok(self
                    .older
                    .is_none()
                    .then(|| escape::line(&error.to_string())));
            }
            Ok(snapshot) => snapshot,
        };
        let stamp = snapshot.stamp();
        // Of unknown age, none is known to be older.
        let is_older = |older: Duration| {
            stamp.is_timed()
                && i64::try_from(older.as_nanos()).is_ok_and(|older| stamp.age_ns > older)
        };
        if !self.older.is_none_or(is_older) {
            return Ok(None);
        }
        let age = time::old(stamp);
        Ok(Some(format!("sequence {}, {age}", stamp.sequence)))
    }
}

fn ask(name: &str, told: &str) -> Result<Answer> {
    loop {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{name} ({told}) has no writer. Remove it? [y/N/a/q] ");
        let _ = out.flush();
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let read =
            read.map_err(|error| Failure::Failed(format!("cannot read the answer: {error}")))?;
        return Ok(match line.trim().to_ascii_lowercase().as_str() {
            _ if read == 0 => Answer::Quit,
            "y" | "yes" => Answer::Yes,
            "" | "n" | "no" => Answer::No,
            "a" | "all" => Answer::All,
            "q" | "quit" => Answer::Quit,
            _ => continue,
        });
    }
}
