use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pegel::{ErrorKind, leftovers, remove_leftovers, unlink};
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::time::timeout;
use pegel_program::{escape, json};
use serde_json::json;

use crate::time;

const MORE: &str = "\
A shared board, such as a configuration, has no writer most of the time: look
before you say yes. y removes it, n keeps it, a removes it and all that follow,
q ends. Damaged boards are offered, too. Boards of other users, boards that you
cannot write, and durable boards, which `pegel rm` removes, are left alone.

Files that a crash left while a board was replaced or removed are offered after
the boards, unless a writer uses them.

Examples:
  pegel gc
  pegel gc --older-than 86400 --yes";

/// Remove boards that have no writer, after asking
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Gc {
    /// Only boards whose newest record, and files whose last change, is older
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    older_than: Option<Duration>,
    /// Remove them without asking
    #[arg(long)]
    yes: bool,
    /// Only list what would be offered
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print one JSON object a removed board, one a line
    #[arg(long)]
    json: bool,
}

/// What can be removed.
struct Candidate {
    name: String,
    reason: String,
    /// The files that a crash left; none for a board.
    leftovers: Vec<PathBuf>,
}

/// An answer to a question.
#[derive(PartialEq)]
enum Answer {
    Yes,
    No,
    All,
    Quit,
}

impl Gc {
    pub fn run(mut self, target: &Target) -> Result<()> {
        let directory = target.directory();
        if !self.yes && !self.dry_run && !io::stdin().is_terminal() {
            let reason = "standard input is not a terminal: pass --yes to remove without asking";
            return Err(Failure::Usage(reason.to_owned()));
        }
        let mut found = false;
        for name in pegel::list(Some(&directory))? {
            let board = format!("{}/{name}", directory.display());
            if let Some(reason) = self.orphan(target, &board)? {
                found = true;
                let leftovers = Vec::new();
                if !self.offer(
                    &board,
                    &Candidate {
                        name,
                        reason,
                        leftovers,
                    },
                )? {
                    return Ok(());
                }
            }
        }
        for (name, leftovers) in leftovers(Some(&directory))? {
            let board = format!("{}/{name}", directory.display());
            let is_used = || {
                target
                    .open(&board)
                    .is_ok_and(|it| it.writer_alive().unwrap_or(true))
            };
            if !leftovers.iter().all(|file| self.is_old(file)) || is_used() {
                continue;
            }
            found = true;
            let reason = format!("left by a crash: {}", names(&leftovers).join(", "));
            if !self.offer(
                &board,
                &Candidate {
                    name,
                    reason,
                    leftovers,
                },
            )? {
                return Ok(());
            }
        }
        if !found && !self.json {
            let directory = directory.display();
            let _ = writeln!(io::stderr(), "no board without a writer in {directory}");
        }
        Ok(())
    }

    /// Removes a candidate if the user agrees; `false` to end.
    fn offer(&mut self, board: &str, candidate: &Candidate) -> Result<bool> {
        let Candidate {
            name,
            reason,
            leftovers,
        } = candidate;
        if self.dry_run {
            writeln!(io::stdout(), "{name}: {reason}")?;
            return Ok(true);
        }
        let is_board = leftovers.is_empty();
        if !self.yes {
            match ask(&if is_board {
                format!("{name} ({reason}) has no writer. Remove it?")
            } else {
                format!("{name} has files {reason}. Remove them?")
            })? {
                Answer::Quit => return Ok(false),
                Answer::No => return Ok(true),
                Answer::All => self.yes = true,
                Answer::Yes => {}
            }
        }
        let removed = if is_board {
            unlink(board)
        } else {
            remove_leftovers(board)
        };
        match removed {
            // Another process was faster, or uses it by now; or another user's lock is beside it.
            Err(error) if matches!(error.kind(), ErrorKind::Locked | ErrorKind::NotFound) => {}
            Err(error) if !is_board && error.kind() == ErrorKind::Denied => {}
            Err(error) => return Err(error.into()),
            Ok(()) if is_board && self.json => {
                json::print(&json!({ "board": name, "removed": true }))?;
            }
            Ok(()) if is_board => writeln!(io::stdout(), "removed {name}")?,
            Ok(()) => self.report(name, leftovers)?,
        }
        Ok(true)
    }

    /// Names the files that were removed: those of other users stay.
    fn report(&self, name: &str, leftovers: &[PathBuf]) -> io::Result<()> {
        let removed = leftovers
            .iter()
            .filter(|file| file.symlink_metadata().is_err());
        let removed = names(removed);
        if removed.is_empty() {
            Ok(())
        } else if self.json {
            json::print(&json!({ "board": name, "leftovers": removed, "removed": true }))
        } else {
            writeln!(io::stdout(), "removed {}", removed.join(", "))
        }
    }

    fn is_old(&self, file: &Path) -> bool {
        self.older_than.is_none_or(|older_than| {
            let changed = file.symlink_metadata().and_then(|status| status.modified());
            changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > older_than))
        })
    }

    /// Why a board can be removed; `None` if it must stay.
    fn orphan(&self, target: &Target, board: &str) -> Result<Option<String>> {
        let reader = match target.open(board) {
            Err(error) if error.kind() == ErrorKind::Corrupt && self.older_than.is_none() => {
                return Ok(Some("damaged".to_owned()));
            }
            // Another user's, or removed.
            Err(_) => return Ok(None),
            Ok(reader) => reader,
        };
        // A durable board should stay.
        if reader.writer_alive()? || reader.info().durable {
            return Ok(None);
        }
        let snapshot = match reader.read() {
            Err(error) if error.kind() == ErrorKind::Empty => {
                let reason = "nothing was ever published";
                return Ok(self.older_than.is_none().then(|| reason.to_owned()));
            }
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(None),
            Err(error) => {
                return Ok(self
                    .older_than
                    .is_none()
                    .then(|| escape::line(&error.to_string())));
            }
            Ok(snapshot) => snapshot,
        };
        let stamp = snapshot.stamp();
        // A record of unknown age is not known to be older.
        let is_older = |than: Duration| {
            stamp.is_timed() && i64::try_from(than.as_nanos()).is_ok_and(|than| stamp.age_ns > than)
        };
        if !self.older_than.is_none_or(is_older) {
            return Ok(None);
        }
        let age = time::old(stamp);
        Ok(Some(format!("sequence {}, {age}", stamp.sequence)))
    }
}

/// The names of files.
fn names<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    let names = files.into_iter().filter_map(|file| file.file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn ask(question: &str) -> Result<Answer> {
    loop {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{question} [y/N/a/q] ");
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
