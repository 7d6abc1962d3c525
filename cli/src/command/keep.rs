//! The keeper of durable boards.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pegel::durable::{self, State};
use pegel::{ErrorKind, Options};
use pegel_program::failure::{Failure, Result};
use pegel_program::runtime;
use pegel_program::shutdown::Shutdown;
use pegel_program::status::{self, Number, Status};
use pegel_program::target::Target;
use sd_notify::NotifyState;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::time;

const MORE: &str = "\
At its start, the keeper restores the durable boards of the directory that do
not exist, from their durable files: each with the record that was synced, as
old as that record is. Then it syncs each board whose record is newer than the
one on disk: after each interval, and once more on SIGTERM or SIGINT.

So a power failure loses the records of one interval at most. A writer that must
not lose a record syncs it itself. Durable files are in $PEGEL_DURABLE_DIR, else
in /var/lib/pegel; `pegel load` loads a copy of one.

A failed sync is reported and retried. The exit status is 0 if all boards are on
disk. The keeper reports its state in the board `pegel-keep`.

Examples:
  pegel keep
  pegel keep --interval 600 --dir /dev/shm/pegel";

/// The status board of the keeper of a directory.
pub const BOARD: &str = "pegel-keep";
const NUMBERS: [Number; 2] = [
    ("boards", "Durable boards that are on disk"),
    ("synced", "Records that were synced"),
];
/// For how long a failed last sync is retried, and after which pause.
const LAST_RETRIES: Duration = Duration::from_secs(1);
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Restore durable boards, then sync them to disk periodically
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Keep {
    /// Interval between two syncs
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = time::pause)]
    interval: Duration,
}

impl Keep {
    pub fn run(self, target: &Target) -> Result<()> {
        runtime::run(async |shutdown| {
            let mut keeper = Keeper::new(target)?;
            keeper.keep(self.interval, shutdown).await
        })
    }
}

struct Keeper<'a> {
    target: &'a Target,
    directory: PathBuf,
    /// Its board also keeps a second keeper away from the directory.
    status: Status,
    /// What is on disk, by board: lineage and sequence.
    synced: HashMap<String, (u64, u64)>,
    /// The durable files that are restored, or belong to another directory.
    restored: HashSet<PathBuf>,
}

impl<'a> Keeper<'a> {
    fn new(target: &'a Target) -> Result<Self> {
        let directory = target.directory();
        let directory = directory.canonicalize().unwrap_or(directory);
        // A damaged status board, or one of an earlier version, must not keep the other
        // boards from being restored.
        let options = Options {
            replace: true,
            ..Options::default()
        };
        let board = format!("{}/{BOARD}", directory.display());
        let description = "The keeper of the durable boards";
        Ok(Self {
            status: Status::create_with(&board, description, &NUMBERS, &options)?,
            target,
            directory,
            synced: HashMap::new(),
            restored: HashSet::new(),
        })
    }

    async fn keep(&mut self, every: Duration, mut shutdown: Shutdown) -> Result<()> {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_restored = self.restore();
        self.sync();
        // Services that need the boards can start now. Without systemd, this fails, which does not
        // matter.
        let _unsent = sd_notify::notify(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    is_restored = is_restored || self.restore();
                    self.sync();
                }
                () = shutdown.requested() => break,
            };
        }
        let end = Instant::now() + LAST_RETRIES;
        loop {
            let failures = self.sync();
            if failures == 0 {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(Failure::Failed(format!(
                    "{failures} durable boards are older on disk than in memory"
                )));
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    /// Restores the boards of the directory that do not exist; returns whether all were restored.
    fn restore(&mut self) -> bool {
        let directory = durable::directory();
        let subject = directory.display().to_string();
        let files = match durable::list() {
            Ok(files) => files,
            Err(error) => {
                self.status.fail(&subject, &error.to_string());
                return false;
            }
        };
        self.status.ok(&subject);
        let mut is_done = true;
        for (file, state) in files {
            if self.restored.contains(&file) {
                continue;
            }
            let subject = file.to_string_lossy().into_owned();
            match state.and_then(|state| self.restore_one(&state)) {
                Ok(()) => {
                    self.status.forget(&subject);
                    self.restored.insert(file);
                }
                Err(error) => {
                    is_done = false;
                    self.status.fail(&subject, &error.to_string());
                }
            }
        }
        is_done
    }

    fn restore_one(&self, state: &State) -> pegel::Result<()> {
        if !state.is_in(&self.directory) {
            self.pass_over(state);
            return Ok(());
        }
        let board = state.board.to_string_lossy();
        if !durable::restore(&board)? {
            return Ok(());
        }
        let age = state.stamp.as_ref().map(time::old);
        let age = age.unwrap_or_else(|| "nothing was ever published".to_owned());
        let sequence = state.sequence;
        status::log(&format!("restored {board}: sequence {sequence}, {age}"));
        Ok(())
    }

    /// The board may be one of this directory under another path, which only its creator can know.
    fn pass_over(&self, state: &State) {
        if state.board.parent().is_some_and(Path::exists) {
            return;
        }
        let (file, board) = (state.file.display(), state.board.display());
        let directory = self.directory.display();
        status::log(&format!(
            "{file}: passed over, as the directory of {board} does not exist. Create the board \
             with `durable` to restore it in {directory}."
        ));
    }

    /// Syncs what is newer than on disk; returns for how many boards that failed.
    fn sync(&mut self) -> usize {
        let directory = self.directory.display().to_string();
        let mut failures = 0;
        match pegel::list(Some(&self.directory)) {
            Err(error) => {
                // Any board of the directory can be newer.
                failures = self.synced.len().max(1);
                self.status.fail(&directory, &error.to_string());
            }
            Ok(names) => {
                self.status.ok(&directory);
                self.synced.retain(|name, _| {
                    let is_there = names.contains(name);
                    if !is_there {
                        self.status.forget(name);
                    }
                    is_there
                });
                for name in &names {
                    if let Err(error) = self.sync_one(name) {
                        failures += 1;
                        self.status.fail(name, &error.to_string());
                    } else {
                        self.status.forget(name);
                    }
                }
            }
        }
        self.status.set("boards", self.synced.len() as u64);
        self.status.report();
        failures
    }

    fn sync_one(&mut self, name: &str) -> pegel::Result<()> {
        let board = format!("{}/{name}", self.directory.display());
        let reader = match self.target.open(&board) {
            Ok(reader) if reader.info().durable => reader,
            Err(error) if !self.is_not_kept(name, &error) => return Err(error),
            _ => {
                self.synced.remove(name);
                return Ok(());
            }
        };
        let newest = match reader.sequence() {
            // Another board has the name now. The next round syncs it.
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
            newest => (reader.lineage(), newest?),
        };
        if self.synced.get(name) == Some(&newest) {
            return Ok(());
        }
        match reader.sync() {
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
            synced => self.synced.insert(name.to_owned(), (newest.0, synced?)),
        };
        self.status.add("synced", 1);
        Ok(())
    }

    /// Whether a board that cannot be opened is not this keeper's: it was removed, or this user
    /// cannot sync it. After any other failure, the next attempt can succeed.
    fn is_not_kept(&self, name: &str, error: &pegel::Error) -> bool {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::Gone => true,
            ErrorKind::Corrupt
            | ErrorKind::Unsupported
            | ErrorKind::Denied
            | ErrorKind::Untrusted => !self.synced.contains_key(name),
            _ => false,
        }
    }
}
