//! The keeper of durable boards.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pegel::durable::{self, State};
use pegel::dynamic::Writer;
use pegel::{ErrorKind, Field, Options, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::shutdown::Shutdown;
use pegel_program::target::Target;
use pegel_program::{escape, runtime};
use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::time;

const MORE: &str = "\
When it starts, the durable boards of the directory that are not there come
back from their durable files: with the record that was kept, as old as it is.
From then on, it puts the newest record of each into its file every so often,
if there is a newer one, and once more when it is ended by SIGTERM or SIGINT.

So no more than that time is lost when the power fails. What must not be lost,
its writer syncs itself before it says so. Durable files live in
$PEGEL_DURABLE_DIR, else in /var/lib/pegel; their copies can be loaded with
`pegel load`.

The board `pegel-keep` tells of the keeper: how many boards it keeps, what it
has synced, what failed, and the last complaint.

Examples:
  pegel keep
  pegel keep --interval 600 --dir /dev/shm/pegel";

/// The board that tells of the keeper of its directory.
pub const BOARD: &str = "pegel-keep";
/// Bytes of the longest complaint.
const BRIEF: u32 = 200;

/// Keep the durable boards: restore them, and put on the disk what is new
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Keep {
    /// Interval between two syncs
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = time::pause)]
    interval: Duration,
}

impl Keep {
    pub fn run(self, target: &Target) -> Result<()> {
        let mut keeper = Keeper::new(target)?;
        keeper.restore()?;
        runtime::run(async |shutdown| keeper.keep(self.interval, shutdown).await)
    }
}

struct Keeper<'a> {
    target: &'a Target,
    directory: PathBuf,
    /// Of the board that tells of this keeper: so there is one in a directory.
    writer: Writer,
    /// What is on the disk, by board: lineage and sequence.
    known: HashMap<String, (u64, u64)>,
    /// The last complaint about each board or file that has one.
    complaints: HashMap<String, String>,
    complaint: String,
    synced: u64,
    failed: u64,
}

impl<'a> Keeper<'a> {
    fn new(target: &'a Target) -> Result<Self> {
        let directory = target.directory();
        let directory = directory.canonicalize().unwrap_or(directory);
        let counter = |name, label| Field::new(name, Type::U64).default(0_u64).label(label);
        let fields = vec![
            counter("boards", "Durable boards that are on the disk"),
            counter("synced", "Records that were put on the disk"),
            counter("failed", "Attempts that failed"),
            Field::text("complaint", BRIEF)
                .default("")
                .label("Why the last one failed"),
        ];
        let schema = Schema::new(fields)?.describe("The keeper of the durable boards")?;
        let board = format!("{}/{BOARD}", directory.display());
        // What an earlier version left there, or what is damaged, keeps no board from coming back.
        let options = Options {
            replace: true,
            ..Options::default()
        };
        let writer = Writer::create(&board, &schema, &options)?;
        // They go on where they were.
        let last = writer.reader().read()?;
        let so_far = |name| match last.get(name) {
            Ok(Value::UInt(count)) => count,
            _ => 0,
        };
        Ok(Self {
            target,
            directory,
            writer,
            known: HashMap::new(),
            complaints: HashMap::new(),
            complaint: String::new(),
            synced: so_far("synced"),
            failed: so_far("failed"),
        })
    }

    /// Lets all boards of the directory come back that are not there.
    fn restore(&mut self) -> Result<()> {
        for (file, state) in durable::list()? {
            let restored = state.and_then(|state| {
                if !state.is_in(&self.directory) {
                    self.pass_over(&state);
                    return Ok(None);
                }
                Ok(durable::restore(&state.board.to_string_lossy())?.then_some(state))
            });
            match restored {
                Ok(None) => {}
                Ok(Some(state)) => {
                    let age = state.stamp.as_ref().map(time::old);
                    let age = age.unwrap_or_else(|| "nothing was ever published".to_owned());
                    let (board, sequence) = (state.board.display(), state.sequence);
                    say(&format!("restored {board}: sequence {sequence}, {age}"));
                }
                Err(error) => self.complain(&file.to_string_lossy(), &error.to_string()),
            }
        }
        Ok(())
    }

    /// The board may be one of this directory under another path, which only its creator can know.
    fn pass_over(&self, state: &State) {
        if state.board.parent().is_some_and(Path::exists) {
            return;
        }
        let (file, board) = (state.file.display(), state.board.display());
        let directory = self.directory.display();
        say(&format!(
            "{file}: passed over, as the directory of {board} does not exist. Create the board with \
             `durable` to restore it in {directory}."
        ));
    }

    async fn keep(&mut self, every: Duration, mut shutdown: Shutdown) -> Result<()> {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.sync()?;
        // Services that need the boards may start now. Where systemd does not ask, nobody is told.
        let _untold = sd_notify::notify(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = tick.tick() => self.sync()?,
                () = shutdown.requested() => break,
            };
        }
        match self.sync()? {
            0 => Ok(()),
            count => Err(Failure::Failed(format!(
                "{count} durable boards are not as new on the disk as in memory"
            ))),
        }
    }

    /// Syncs all that is new, and says for how many boards that failed.
    fn sync(&mut self) -> Result<usize> {
        let names = pegel::list(Some(&self.directory))?;
        self.known.retain(|name, _| names.contains(name));
        let mut failures = 0;
        for name in &names {
            match self.sync_one(name) {
                Ok(()) => {
                    self.complaints.remove(name);
                }
                Err(error) => {
                    failures += 1;
                    self.complain(name, &error.to_string());
                }
            }
        }
        self.publish()?;
        Ok(failures)
    }

    fn sync_one(&mut self, name: &str) -> pegel::Result<()> {
        // What is no board, or not for this user, is nothing that he could keep.
        let reader = self
            .target
            .open(&format!("{}/{name}", self.directory.display()));
        let Some(reader) = reader.ok().filter(|reader| reader.info().durable) else {
            self.known.remove(name);
            return Ok(());
        };
        let newest = match reader.sequence() {
            // Another one stands there now, whose turn it is the next time.
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
            newest => (reader.lineage(), newest?),
        };
        if self.known.get(name) == Some(&newest) {
            return Ok(());
        }
        match reader.sync() {
            // As above.
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
            synced => self.known.insert(name.to_owned(), (newest.0, synced?)),
        };
        self.synced += 1;
        Ok(())
    }

    /// Each complaint is said once.
    fn complain(&mut self, about: &str, complaint: &str) {
        self.failed += 1;
        complaint.clone_into(&mut self.complaint);
        let last = self
            .complaints
            .insert(about.to_owned(), complaint.to_owned());
        if last.as_deref() != Some(complaint) {
            say(complaint);
        }
    }

    fn publish(&mut self) -> Result<()> {
        let mut complaint = self.complaint.replace('\0', " ");
        while complaint.len() > BRIEF as usize {
            complaint.pop();
        }
        let record = self.writer.reader().schema().encode(&[
            ("boards", (self.known.len() as u64).into()),
            ("synced", self.synced.into()),
            ("failed", self.failed.into()),
            ("complaint", complaint.into()),
        ])?;
        self.writer.publish(&record)?;
        Ok(())
    }
}

/// For the log; the keeper goes on if nobody can read it.
fn say(text: &str) {
    let _unread = writeln!(io::stderr(), "pegel: {}", escape::line(text));
}
