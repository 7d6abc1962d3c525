//! The state of a board: a thread for each board follows it. A slow receiver sees the newest state
//! only.

use std::sync::Arc;
use std::thread;

use pegel::Schema;
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::failure::Result;
use pegel_program::follower::{Event, Follower, POLL_INTERVAL};
use pegel_program::time::Born;
use pegel_program::{json, value};
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::config::{Config, Plan};

/// The state of a board.
#[derive(Clone, Default)]
pub struct State {
    pub about: Option<Arc<About>>,
    pub record: Option<Arc<Record>>,
    pub writer_alive: bool,
    /// Whether the follower has tried to open the board.
    pub is_known: bool,
    /// Why the board cannot be read; `None` also if it does not exist.
    pub problem: Option<String>,
}

/// The board itself.
pub struct About {
    pub schema: Schema,
    pub lineage: u64,
    pub is_mirror: bool,
}

/// A record, in the forms in which it is published.
pub struct Record {
    pub sequence: u64,
    pub generation: u64,
    pub present: u64,
    pub bytes: Vec<u8>,
    /// Unix time in nanoseconds.
    pub published: Option<i64>,
    pub born: Born,
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
            born: Born::of(stamp),
            json: json::record(reader, snapshot)?,
            fields: fields
                .map(|(name, value)| (name.to_owned(), value::text(&value)))
                .collect(),
        })
    }
}

/// Follows a board as long as there is a receiver.
pub fn follow(config: &Arc<Config>, plan: &Plan) -> std::io::Result<watch::Receiver<State>> {
    let (sender, receiver) = watch::channel(State::default());
    let (config, board, is_named) = (Arc::clone(config), plan.board.clone(), !plan.is_discovered);
    let mut follower = Follower::new(move || config.target.open_served(&board, is_named));
    let thread = thread::Builder::new().name("follow".to_owned());
    thread.spawn(move || {
        while !sender.is_closed() {
            let event = follower.next(POLL_INTERVAL);
            sender.send_if_modified(|state| {
                state
                    .update(event)
                    .unwrap_or_else(|problem| state.fail(Some(problem)))
            });
        }
    })?;
    Ok(receiver)
}

impl State {
    /// Returns whether the state is new.
    fn update(&mut self, event: Event) -> std::result::Result<bool, String> {
        let reader = match event {
            Event::Absent => return Ok(self.fail(None)),
            Event::Failed(error) => return Err(error.to_string()),
            Event::Opened(reader, newest) => {
                self.about = Some(Arc::new(About {
                    schema: reader.schema().clone(),
                    lineage: reader.lineage(),
                    is_mirror: reader.info().mirror,
                }));
                self.record = newest
                    .map(|snapshot| Record::of(&reader, &snapshot).map(Arc::new))
                    .transpose()
                    .map_err(|failure| failure.to_string())?;
                reader
            }
            Event::Record(reader, snapshot) => {
                let record = Record::of(&reader, &snapshot);
                let record = record.map_err(|failure| failure.to_string())?;
                self.record = Some(Arc::new(record));
                reader
            }
            Event::Quiet(reader) => {
                let writer_alive = reader.writer_alive().map_err(|error| error.to_string())?;
                let is_new = self.writer_alive != writer_alive;
                self.writer_alive = writer_alive;
                return Ok(is_new);
            }
        };
        self.writer_alive = reader.writer_alive().map_err(|error| error.to_string())?;
        self.is_known = true;
        self.problem = None;
        Ok(true)
    }

    /// The board cannot be read, or does not exist. Returns whether that is new.
    fn fail(&mut self, problem: Option<String>) -> bool {
        let is_removed = problem.is_none() && self.about.is_some();
        let is_new = self.problem != problem || self.writer_alive || is_removed || !self.is_known;
        if is_removed {
            (self.about, self.record) = (None, None);
        }
        self.writer_alive = false;
        self.is_known = true;
        self.problem = problem;
        is_new
    }
}
