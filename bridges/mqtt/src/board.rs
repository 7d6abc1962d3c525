//! What there is to tell of a board: a thread for each waits for what is published. Who listens sees the newest only.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Schema};
use pegel_program::failure::Result;
use pegel_program::{json, value};
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::site::{Plan, Site};

/// How often to look whether a writer lives, whether a board is back, and whether anybody still listens.
const GLANCE: Duration = Duration::from_secs(1);

/// What there is to tell.
#[derive(Clone, Default)]
pub struct State {
    pub about: Option<Arc<About>>,
    pub record: Option<Arc<Record>>,
    pub writer_alive: bool,
    /// Whether anybody has looked yet.
    pub is_seen: bool,
    /// What is wrong with it; that it is not there is nothing wrong.
    pub problem: Option<String>,
}

/// The board itself.
pub struct About {
    pub schema: Schema,
    pub lineage: u64,
    pub is_mirror: bool,
}

/// A publication.
pub struct Record {
    pub sequence: u64,
    pub generation: u64,
    pub present: u64,
    pub bytes: Vec<u8>,
    /// Unix time in nanoseconds.
    pub published: Option<i64>,
    /// Nanoseconds since boot when it was of age 0.
    born: Option<i64>,
    /// Its fields by their names, or the document.
    pub json: Json,
    /// Fields as texts.
    pub fields: Vec<(String, String)>,
}

impl Record {
    fn of(reader: &Reader, snapshot: &Snapshot) -> Result<Self> {
        let stamp = snapshot.stamp();
        let fields = match reader.schema().document() {
            None => snapshot.values(),
            Some(_) => Vec::new(),
        };
        let fields = fields.into_iter();
        Ok(Self {
            sequence: stamp.sequence,
            generation: stamp.generation,
            present: stamp.present,
            bytes: snapshot.bytes().to_owned(),
            published: stamp.is_timed().then_some(stamp.published_ns),
            born: stamp.is_timed().then(|| since_boot() - stamp.age_ns),
            json: json::record(reader, snapshot)?,
            fields: fields
                .map(|(name, value)| (name.to_owned(), value::text(&value)))
                .collect(),
        })
    }

    /// Nanoseconds that it is old now.
    pub fn age(&self) -> Option<i64> {
        self.born.map(|born| (since_boot() - born).max(0))
    }
}

/// Nanoseconds since boot; time in suspend counts.
pub fn since_boot() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// Follows a board as long as somebody listens.
pub fn follow(site: &Arc<Site>, plan: &Plan) -> std::io::Result<watch::Receiver<State>> {
    let (sender, receiver) = watch::channel(State::default());
    let follower = Follower {
        site: Arc::clone(site),
        board: plan.board.clone(),
        sender,
    };
    let thread = thread::Builder::new().name("follow".to_owned());
    thread.spawn(move || follower.run())?;
    Ok(receiver)
}

struct Follower {
    site: Arc<Site>,
    board: String,
    sender: watch::Sender<State>,
}

impl Follower {
    fn run(self) {
        while !self.sender.is_closed() {
            match self.site.target.open(&self.board) {
                Ok(reader) => self.tell(&reader),
                Err(error) => {
                    let is_absent = error.kind() == ErrorKind::NotFound;
                    self.tell_problem((!is_absent).then(|| error.to_string()));
                    thread::sleep(GLANCE);
                }
            }
        }
    }

    /// Tells of a board until it is gone.
    fn tell(&self, reader: &Reader) {
        let about = Arc::new(About {
            schema: reader.schema().clone(),
            lineage: reader.lineage(),
            is_mirror: reader.info().mirror,
        });
        let mut told = None;
        while !self.sender.is_closed() {
            match self.look(reader, &about, told) {
                Ok(sequence) => told = Some(sequence),
                Err(problem) => {
                    self.tell_problem(Some(problem));
                    thread::sleep(GLANCE);
                    told = None;
                }
            }
            match reader.wait(told.unwrap_or(0), Some(GLANCE)) {
                // What replaces it is opened next.
                Err(error) if error.kind() == ErrorKind::Gone => return,
                // What else is wrong, the next look says.
                _ => {}
            }
        }
    }

    /// Tells what is new since a sequence, and says which is the newest.
    fn look(
        &self,
        reader: &Reader,
        about: &Arc<About>,
        told: Option<u64>,
    ) -> std::result::Result<u64, String> {
        let writer_alive = reader.writer_alive().map_err(|error| error.to_string())?;
        let newest = match reader.sequence() {
            // Nothing new of this one; the next wait opens the board that replaced it.
            Err(error) if error.kind() == ErrorKind::Gone => told.unwrap_or_default(),
            newest => newest.map_err(|error| error.to_string())?,
        };
        let record = if told == Some(newest) {
            None
        } else {
            match reader.read() {
                Err(error) if matches!(error.kind(), ErrorKind::Empty | ErrorKind::Gone) => None,
                Err(error) => return Err(error.to_string()),
                Ok(snapshot) => {
                    let record = Record::of(reader, &snapshot);
                    Some(Arc::new(record.map_err(|failure| failure.to_string())?))
                }
            }
        };
        let sequence = record.as_ref().map_or(newest, |record| record.sequence);
        self.sender.send_if_modified(|state| {
            let is_new = told.is_none() || record.is_some() || state.writer_alive != writer_alive;
            state.about = Some(Arc::clone(about));
            if told.is_none() || record.is_some() {
                state.record = record;
            }
            state.writer_alive = writer_alive;
            state.is_seen = true;
            state.problem = None;
            is_new
        });
        Ok(sequence)
    }

    /// What is wrong with the board; nothing, if it is not there.
    fn tell_problem(&self, problem: Option<String>) {
        self.sender.send_if_modified(|state| {
            let is_removed = problem.is_none() && state.about.is_some();
            let is_new =
                state.problem != problem || state.writer_alive || is_removed || !state.is_seen;
            if is_removed {
                (state.about, state.record) = (None, None);
            }
            state.writer_alive = false;
            state.is_seen = true;
            state.problem = problem;
            is_new
        });
    }
}
