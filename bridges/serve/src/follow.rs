//! Following boards: a thread for each board that a client follows. It writes the JSON of a record
//! once, for all clients. They see the newest state only; no slow client can fill a queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use axum::body::Bytes;
use axum::http::StatusCode;
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::follower::{Event, Follower, POLL_INTERVAL};
use pegel_program::refusals::Refusals;
use pegel_program::time::Born;
use pegel_program::{json, time};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::boards::{Boards, Schema};
use super::etag::Tag;
use super::problem::{Problem, Result};

/// The end of an event.
pub const END: &str = "\n\n";

/// The state of a board.
#[derive(Clone, Default)]
pub struct State {
    /// Changes with each board that has the name, and when none has it.
    pub opening: u64,
    /// An event `board`, `gone` or `problem`.
    pub about: Option<Arc<Notice>>,
    pub record: Option<Arc<Record>>,
    pub writer_alive: bool,
}

/// An event that is the same for all clients.
pub struct Notice {
    pub name: &'static str,
    /// A JSON object.
    pub json: Bytes,
}

impl Notice {
    pub fn new(name: &'static str, mut json: Json) -> Arc<Self> {
        json["event"] = name.into();
        Arc::new(Self {
            name,
            json: json.to_string().into(),
        })
    }
}

/// A record, which is sent with its age at that moment.
pub struct Record {
    pub tag: Tag,
    /// The rest of the JSON object, with the end of an event.
    pub rest: Bytes,
    born: Born,
}

impl Record {
    fn of(reader: &Reader, snapshot: &Snapshot) -> Result<Arc<Self>> {
        let stamp = snapshot.stamp();
        let mut object = json::stamp(snapshot);
        object.shift_remove("age");
        object.insert("board".into(), reader.board().into());
        let record = json::record(reader, snapshot);
        let record = record.map_err(|failure| Problem::failure(&failure))?;
        object.insert("record".into(), record);
        let text = format!("{}{END}", Json::Object(object));
        Ok(Arc::new(Self {
            tag: Tag::of(reader, stamp.sequence),
            rest: Bytes::from(text).slice(1..),
            born: Born::of(stamp),
        }))
    }

    /// The JSON object up to the rest.
    pub fn head(&self) -> String {
        let age = match self.born.age() {
            Some(age) => time::seconds(age).to_string(),
            None => "null".to_owned(),
        };
        format!("{{\"event\":\"record\",\"age\":{age},")
    }
}

/// The names of all boards.
#[derive(Default)]
struct Names {
    known: Arc<Vec<String>>,
    /// When they were listed.
    listed: Option<Instant>,
    refusals: Refusals,
}

/// The boards that clients follow.
pub struct Hub {
    boards: Arc<Boards>,
    followed: Mutex<HashMap<String, watch::Sender<State>>>,
    names: Mutex<Names>,
    /// Signals that any board has changed.
    pulse: watch::Sender<()>,
}

impl Hub {
    pub fn new(boards: Arc<Boards>) -> Arc<Self> {
        Arc::new(Self {
            boards,
            followed: Mutex::default(),
            names: Mutex::default(),
            pulse: watch::Sender::new(()),
        })
    }

    /// The state of a board, now and from now on.
    pub fn follow(self: &Arc<Self>, name: &str) -> Result<watch::Receiver<State>> {
        let mut followed = self.followed();
        if let Some(sender) = followed.get(name) {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = watch::channel(State::default());
        let publisher = Publisher {
            hub: Arc::clone(self),
            name: name.to_owned(),
            path: self.boards.find(name)?,
            sender: sender.clone(),
        };
        let thread = thread::Builder::new().name("follow".to_owned());
        thread.spawn(move || publisher.run()).map_err(|error| {
            let detail = format!("board {name} cannot be followed now: {error}; try again later");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).of(name)
        })?;
        followed.insert(name.to_owned(), sender);
        Ok(receiver)
    }

    /// The names of all boards, at most [`POLL_INTERVAL`] old.
    pub fn names(&self) -> Arc<Vec<String>> {
        let mut names = self.names.lock().expect("no thread panics with it");
        let is_old = |listed: Instant| listed.elapsed() >= POLL_INTERVAL;
        if names.listed.is_none_or(is_old) {
            let is_followed = |name: &str| self.followed().contains_key(name);
            let followed = self.boards.followed(&mut names.refusals, is_followed);
            // A directory that does not exist has no boards.
            names.known = Arc::new(followed.unwrap_or_default());
            names.listed = Some(Instant::now());
        }
        Arc::clone(&names.known)
    }

    pub fn pulse(&self) -> watch::Receiver<()> {
        self.pulse.subscribe()
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<State>>> {
        self.followed.lock().expect("no thread panics with it")
    }
}

/// The thread that follows a board.
struct Publisher {
    hub: Arc<Hub>,
    name: String,
    /// The board as the library opens it.
    path: String,
    sender: watch::Sender<State>,
}

impl Publisher {
    /// Follows the board as long as there is a receiver.
    fn run(self) {
        let (boards, name) = (Arc::clone(&self.hub.boards), self.path.clone());
        let mut follower = Follower::new(move || boards.open_path(&name));
        while !self.is_unused() {
            match follower.next(POLL_INTERVAL) {
                Event::Opened(reader, newest) => self.show_board(&reader, newest.as_ref()),
                Event::Record(reader, snapshot) => match Record::of(&reader, &snapshot) {
                    Ok(record) => self.update(|state| state.record = Some(record)),
                    Err(problem) => self.show_problem(&problem),
                },
                Event::Quiet(reader) => self.show_writer(&reader),
                Event::Absent => self.show("gone", json!({ "board": self.name })),
                Event::Failed(error) => self.show_problem(&Problem::from(error).of(&self.name)),
            }
        }
    }

    fn show_board(&self, reader: &Reader, newest: Option<&Snapshot>) {
        let about = Schema::of(reader, self.hub.boards.is_writable(&self.name));
        let about = serde_json::to_value(about).expect("texts and numbers are JSON");
        let record = newest
            .map(|snapshot| Record::of(reader, snapshot))
            .transpose();
        let writer_alive = reader.writer_alive().map_err(Problem::from);
        match record.and_then(|record| Ok((record, writer_alive?))) {
            Ok((record, writer_alive)) => self.update(|state| {
                state.opening += 1;
                state.about = Some(Notice::new("board", about));
                state.record = record;
                state.writer_alive = writer_alive;
            }),
            Err(problem) => self.show_problem(&problem.of(&self.name).at(reader.path())),
        }
    }

    fn show_writer(&self, reader: &Reader) {
        match reader.writer_alive() {
            Ok(writer_alive) => {
                if self.sender.borrow().writer_alive != writer_alive {
                    self.update(|state| state.writer_alive = writer_alive);
                }
            }
            Err(error) => self.show_problem(&Problem::from(error).of(&self.name)),
        }
    }

    fn show_problem(&self, problem: &Problem) {
        self.show("problem", json!({ "board": self.name, "problem": problem }));
    }

    /// Shows that the board is gone, or has a problem, once.
    fn show(&self, kind: &'static str, json: Json) {
        let notice = Notice::new(kind, json);
        let is_shown = |about: &Arc<Notice>| about.json == notice.json;
        if self.sender.borrow().about.as_ref().is_some_and(is_shown) {
            return;
        }
        self.update(|state| {
            state.opening += 1;
            state.about = Some(notice);
            state.record = None;
            state.writer_alive = false;
        });
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        self.sender.send_modify(change);
        self.hub.pulse.send_replace(());
    }

    /// Whether there is no receiver; then a new one starts a new thread.
    fn is_unused(&self) -> bool {
        if self.sender.receiver_count() > 0 {
            return false;
        }
        let mut followed = self.hub.followed();
        let is_unused = self.sender.receiver_count() == 0;
        if is_unused {
            followed.remove(&self.name);
        }
        is_unused
    }
}
