//! Following boards: a thread for each that somebody follows. It waits for what is published and writes the JSON of
//! it once, for all who follow. They see the newest state only; there is no queue that one who is slow could fill.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use nix::time::{ClockId, clock_gettime};
use pegel::ErrorKind;
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::{json, time};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::boards::{Boards, Schema, newest};
use super::condition::Tag;
use super::problem::{Problem, Result};

/// How often to look whether a writer lives, whether a board is back, and whether anybody still follows.
pub const GLANCE: Duration = Duration::from_secs(1);
/// The shortest pause between two records that are told: nobody who looks sees more of them, and a writer that is
/// faster takes no more of the machine.
const PACE: Duration = Duration::from_millis(10);

/// What ends an event.
pub const END: &str = "\n\n";

/// What there is to tell of a board.
#[derive(Clone, Default)]
pub struct State {
    /// Counts what stands under the name: boards, and that there is none.
    pub opening: u64,
    /// What that is: an event `board`, `gone` or `problem`.
    pub about: Option<Arc<Event>>,
    pub record: Option<Arc<Record>>,
    pub writer_alive: bool,
}

/// Told as it is.
pub struct Event {
    pub name: &'static str,
    /// A JSON object.
    pub json: Bytes,
}

impl Event {
    pub fn new(name: &'static str, mut told: Json) -> Arc<Self> {
        told["event"] = name.into();
        Arc::new(Self {
            name,
            json: told.to_string().into(),
        })
    }
}

/// A record, which is told with its age at that moment.
pub struct Record {
    pub tag: Tag,
    /// What follows in the JSON object after that, with the end of an event.
    pub rest: Bytes,
    /// Nanoseconds since boot when it would have been of age 0, if that is known.
    born: Option<i64>,
}

impl Record {
    fn of(reader: &Reader, snapshot: &Snapshot) -> Result<Arc<Self>> {
        let stamp = snapshot.stamp();
        let mut told = json::stamp(snapshot);
        told.shift_remove("age");
        told.insert("board".into(), reader.board().into());
        let record = json::record(reader, snapshot);
        let record = record.map_err(|failure| Problem::failure(&failure))?;
        told.insert("record".into(), record);
        let text = format!("{}{END}", Json::Object(told));
        Ok(Arc::new(Self {
            tag: Tag::of(reader, stamp.sequence),
            rest: Bytes::from(text).slice(1..),
            born: stamp.is_timed().then(|| since_boot() - stamp.age_ns),
        }))
    }

    /// The JSON object until then.
    pub fn head(&self) -> String {
        let age = match self.born {
            Some(born) => time::seconds((since_boot() - born).max(0)).to_string(),
            None => "null".to_owned(),
        };
        format!("{{\"event\":\"record\",\"age\":{age},")
    }
}

/// Time in suspend counts.
fn since_boot() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock");
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// The boards that somebody follows.
pub struct Hub {
    boards: Arc<Boards>,
    followed: Mutex<HashMap<String, watch::Sender<State>>>,
    /// The names of all boards, and when they were looked up.
    names: Mutex<(Option<Instant>, Arc<Vec<String>>)>,
    /// Tells that something is new of any board.
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

    /// What there is of a board, now and from now on.
    pub fn follow(self: &Arc<Self>, name: &str) -> Result<watch::Receiver<State>> {
        let mut followed = self.followed();
        if let Some(sender) = followed.get(name) {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = watch::channel(State::default());
        let waiting = Follower {
            hub: Arc::clone(self),
            name: name.to_owned(),
            sender: sender.clone(),
        };
        let thread = thread::Builder::new().name("follow".to_owned());
        thread.spawn(move || waiting.run()).map_err(|error| {
            let detail = format!("board {name} cannot be followed now: {error}; try again later");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).of(name)
        })?;
        followed.insert(name.to_owned(), sender);
        Ok(receiver)
    }

    /// The boards that there are, as of a short while ago.
    pub fn names(&self) -> Arc<Vec<String>> {
        let mut names = self.names.lock().expect("no thread panics with it");
        let (looked, known) = &mut *names;
        if looked.is_none_or(|looked| looked.elapsed() >= GLANCE) {
            // A directory that is not there has none.
            *known = Arc::new(self.boards.names().unwrap_or_default());
            *looked = Some(Instant::now());
        }
        Arc::clone(known)
    }

    pub fn pulse(&self) -> watch::Receiver<()> {
        self.pulse.subscribe()
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<State>>> {
        self.followed.lock().expect("no thread panics with it")
    }
}

struct Follower {
    hub: Arc<Hub>,
    name: String,
    sender: watch::Sender<State>,
}

impl Follower {
    /// As long as somebody follows.
    fn run(self) {
        let mut last: Option<Json> = None;
        loop {
            match self.hub.boards.open(&self.name) {
                Ok(reader) => {
                    last = None;
                    if self.tell_board(&reader) {
                        // What has replaced it, or that it is gone.
                        continue;
                    }
                }
                Err(problem) => {
                    let is_gone = problem.is_not_found();
                    let told = if is_gone {
                        json!({ "board": self.name })
                    } else {
                        json!({ "board": self.name, "problem": problem })
                    };
                    if last.as_ref() != Some(&told) {
                        let name = if is_gone { "gone" } else { "problem" };
                        self.tell(|state| {
                            state.opening += 1;
                            state.about = Some(Event::new(name, told.clone()));
                            state.record = None;
                            state.writer_alive = false;
                        });
                        last = Some(told);
                    }
                    thread::sleep(GLANCE);
                }
            }
            if self.is_alone() {
                return;
            }
        }
    }

    /// Until the board is gone, or nobody follows any more: then `false`.
    fn tell_board(&self, reader: &Reader) -> bool {
        let about = Schema::of(reader, self.hub.boards.is_writable(&self.name));
        let about = serde_json::to_value(about).expect("texts and numbers are JSON");
        let about = Event::new("board", about);
        // The sequence that was told, if the board itself was.
        let mut told = None;
        loop {
            match self.look(reader, &about, told) {
                Ok(sequence) => told = Some(sequence),
                Err(problem) if problem.is_gone() => return true,
                Err(problem) => {
                    self.tell_problem(&problem);
                    told = None;
                    thread::sleep(GLANCE);
                }
            }
            if self.is_alone() {
                return false;
            }
            match reader.wait(told.unwrap_or(0), Some(GLANCE)) {
                // Removed by one who leaves no mark, as `rm` does: what can be read is still the last record.
                Err(error) if error.kind() == ErrorKind::Gone => return true,
                // What is wrong, the next look says, but not as often as it can.
                Err(error) if error.kind() != ErrorKind::Timeout => thread::sleep(GLANCE),
                _ => {}
            }
        }
    }

    /// Tells what is new since a sequence, and says which is the newest.
    fn look(&self, reader: &Reader, about: &Arc<Event>, told: Option<u64>) -> Result<u64> {
        let writer_alive = reader.writer_alive()?;
        let is_new_writer = self.sender.borrow().writer_alive != writer_alive;
        let snapshot = match told {
            None => newest(reader)?,
            Some(sequence) => match reader.wait(sequence, Some(Duration::ZERO)) {
                Err(error) if error.kind() == ErrorKind::Timeout => {
                    if is_new_writer {
                        self.tell(|state| state.writer_alive = writer_alive);
                    }
                    return Ok(sequence);
                }
                waited => waited.and_then(|_| newest(reader))?,
            },
        };
        let record = snapshot.map(|snapshot| Record::of(reader, &snapshot));
        let record = record.transpose()?;
        let sequence = record.as_ref().map_or(0, |record| record.tag.sequence);
        self.tell(|state| {
            if told.is_none() {
                state.opening += 1;
                state.about = Some(Arc::clone(about));
            }
            state.record = record;
            state.writer_alive = writer_alive;
        });
        thread::sleep(PACE);
        Ok(sequence)
    }

    fn tell_problem(&self, problem: &Problem) {
        let told = json!({ "board": self.name, "problem": problem });
        let event = Event::new("problem", told);
        self.tell(|state| {
            let is_told = |about: &Arc<Event>| about.json == event.json;
            if !state.about.as_ref().is_some_and(is_told) {
                state.opening += 1;
                state.about = Some(event);
                state.record = None;
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        self.sender.send_modify(change);
        self.hub.pulse.send_replace(());
    }

    /// Whether nobody follows any more; then nobody gets this follower either.
    fn is_alone(&self) -> bool {
        if self.sender.receiver_count() > 0 {
            return false;
        }
        let mut followed = self.hub.followed();
        let is_alone = self.sender.receiver_count() == 0;
        if is_alone {
            followed.remove(&self.name);
        }
        is_alone
    }
}
