//! How a program reports: in its log, which is standard error, and in a board of its own, the
//! status board.
//!
//! A status board has the fields `state` (`ok` or `failing`), `failures` and `last_failure`, and
//! then the program's own numbers. All but the state continue from the last run.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use pegel::dynamic::{Snapshot, Writer};
use pegel::{Field, Options, Schema, Type, Value};
use tokio::time::{MissedTickBehavior, interval};

use crate::escape;
use crate::failure::Result;

/// Maximum length of `last_failure`, in bytes.
const MAX_FAILURE: u32 = 400;
/// Maximum length of a failure in the log, in bytes: a message may list all fields of a board.
const MAX_LOG: usize = 2000;
/// How often [`Status::run`] publishes.
const INTERVAL: Duration = Duration::from_secs(1);

/// A number of the status board: its field and its label.
pub type Number = (&'static str, &'static str);

/// The state of a program. All its parts report here.
pub struct Status(Mutex<State>);

#[derive(Default)]
struct State {
    /// `None` if this program has only the log.
    writer: Option<Writer>,
    numbers: Vec<(&'static str, u64)>,
    failures: u64,
    last_failure: String,
    /// The failure of each subject that fails now; `None` for one that works.
    subjects: BTreeMap<String, Option<String>>,
    /// Whether the board does not show this state yet.
    is_new: bool,
}

impl Status {
    /// Creates the status board, which only one program can hold.
    pub fn create(board: &str, description: &str, numbers: &[Number]) -> Result<Self> {
        Self::create_with(board, description, numbers, &Options::default())
    }

    /// As [`Self::create`], with options for the board.
    pub fn create_with(
        board: &str,
        description: &str,
        numbers: &[Number],
        options: &Options,
    ) -> Result<Self> {
        let number = |name, label| Field::new(name, Type::U64).default(0_u64).label(label);
        let text = |name, size, label| Field::text(name, size).label(label);
        let mut fields = vec![
            text("state", 8, "ok, or failing").default("ok"),
            number("failures", "Failures so far"),
            text("last_failure", MAX_FAILURE, "Message of the last failure").default(""),
        ];
        fields.extend(numbers.iter().map(|(name, label)| number(name, label)));
        let schema = Schema::new(fields)?.describe(description)?;
        let writer = Writer::create(board, &schema, options)?;
        let last = writer.reader().read()?;
        let so_far = |name: &str| match last.get(name) {
            Ok(Value::UInt(number)) => number,
            _ => 0,
        };
        Ok(Self(Mutex::new(State {
            numbers: numbers
                .iter()
                .map(|(name, _)| (*name, so_far(name)))
                .collect(),
            failures: so_far("failures"),
            last_failure: last.get("last_failure")?.to_string(),
            is_new: true,
            writer: Some(writer),
            ..State::default()
        })))
    }

    /// As [`Self::create`]; a program whose board cannot be created, such as the second one with
    /// the same board, logs that and works without it.
    pub fn create_or_log(board: &str, description: &str, numbers: &[Number]) -> Self {
        // Another program holds the board as long as it runs: to wait would only delay this one.
        let options = Options {
            timeout: Duration::ZERO,
            ..Options::default()
        };
        Self::create_with(board, description, numbers, &options).unwrap_or_else(|failure| {
            log(&format!("no status board: {failure}"));
            Self(Mutex::new(State {
                numbers: numbers.iter().map(|(name, _)| (*name, 0)).collect(),
                ..State::default()
            }))
        })
    }

    /// A subject, such as a connection, fails. A failure is logged when it is new for its subject.
    pub fn fail(&self, subject: &str, failure: &str) {
        let mut state = self.state();
        state.fail(failure);
        let failure = Some(truncated(failure, MAX_LOG).to_owned());
        if state.subjects.get(subject) != Some(&failure) {
            log(failure.as_deref().unwrap_or_default());
            state.subjects.insert(subject.to_owned(), failure);
        }
    }

    /// A failure that is over already, and not worth a line in the log.
    pub fn note(&self, failure: &str) {
        self.state().fail(failure);
    }

    /// A subject works.
    pub fn ok(&self, subject: &str) {
        let mut state = self.state();
        let before = state.subjects.insert(subject.to_owned(), None);
        state.is_new |= before.flatten().is_some();
    }

    /// A subject does not exist any longer.
    pub fn forget(&self, subject: &str) {
        let mut state = self.state();
        state.is_new |= state.subjects.remove(subject).flatten().is_some();
    }

    /// How many subjects exist, and how many of them work.
    pub fn subjects(&self) -> (u64, u64) {
        let state = self.state();
        let working = state.subjects.values().filter(|failure| failure.is_none());
        (state.subjects.len() as u64, working.count() as u64)
    }

    /// Adds to a number.
    pub fn add(&self, name: &str, count: u64) {
        self.state().update(name, |number| number + count);
    }

    /// Sets a number.
    pub fn set(&self, name: &str, number: u64) {
        self.state().update(name, |_| number);
    }

    /// A number.
    pub fn get(&self, name: &str) -> u64 {
        let state = self.state();
        let number = state.numbers.iter().find(|(known, _)| *known == name);
        number.map_or(0, |(_, number)| *number)
    }

    /// Publishes the state if it is new.
    pub fn publish(&self) -> Result<()> {
        self.state().publish()
    }

    /// Publishes the state if it is new. A program whose status board is removed logs that and
    /// works without it.
    pub fn report(&self) {
        if let Err(failure) = self.publish() {
            log(&format!("no status board: {failure}"));
            self.state().writer = None;
        }
    }

    /// Reports once a second, forever.
    pub async fn run(&self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.report();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics with the lock")
    }
}

impl State {
    fn fail(&mut self, failure: &str) {
        self.failures += 1;
        // A text field cannot hold NUL.
        self.last_failure = truncated(failure, MAX_FAILURE as usize).replace('\0', " ");
        self.is_new = true;
    }

    fn update(&mut self, name: &str, update: impl FnOnce(u64) -> u64) {
        let number = self.numbers.iter_mut().find(|(known, _)| *known == name);
        let (_, number) = number.expect("a number of this status board");
        let new = update(*number);
        self.is_new |= *number != new;
        *number = new;
    }

    fn publish(&mut self) -> Result<()> {
        let Some(writer) = self.writer.as_mut().filter(|_| self.is_new) else {
            return Ok(());
        };
        let is_failing = self.subjects.values().any(Option::is_some);
        let state = if is_failing { "failing" } else { "ok" };
        let mut record = vec![
            ("state", Value::from(state)),
            ("failures", self.failures.into()),
            ("last_failure", self.last_failure.as_str().into()),
        ];
        let numbers = self.numbers.iter();
        record.extend(numbers.map(|(name, number)| (*name, Value::UInt(*number))));
        let record = writer.reader().schema().encode(&record)?;
        writer.publish(&record)?;
        self.is_new = false;
        Ok(())
    }
}

/// The failure that a status board reports; `None` while its program works.
pub fn failure(status: &Snapshot) -> pegel::Result<Option<String>> {
    let is_failing = status.get("state")? == Value::from("failing");
    let failure = status.get("last_failure")?.to_string();
    Ok(is_failing.then_some(failure))
}

/// The beginning of a text, at most so many bytes of it.
pub fn truncated(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Writes a line to the log. The program continues if nobody can read it.
pub fn log(text: &str) {
    let _unread = writeln!(io::stderr(), "pegel: {}", escape::line(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pegel::dynamic::Reader;

    #[test]
    fn reports_state_failures_and_numbers_across_restarts() {
        let directory = tempfile::tempdir().expect("a directory");
        let board = format!("{}/status", directory.path().display());
        let create = || Status::create(&board, "A test", &[("taken", "Taken")]);
        let newest = || {
            let now = Reader::open(&board).and_then(|reader| reader.read());
            let now = now.expect("a record");
            ["state", "failures", "last_failure", "taken"].map(|name| {
                let value = now.get(name).expect("a field");
                value.to_string()
            })
        };
        let status = create().unwrap_or_else(|failure| panic!("{failure}"));
        status.add("taken", 3);
        status.fail("port", &"ä".repeat(300));
        status
            .publish()
            .unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(newest(), ["failing", "1", &"ä".repeat(200), "3"]);

        status.ok("port");
        status.note("a bad\0line");
        status
            .publish()
            .unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(newest(), ["ok", "2", "a bad line", "3"]);
        assert!(create().is_err(), "two programs have one board");

        drop(status);
        let status = create().unwrap_or_else(|failure| panic!("{failure}"));
        status.add("taken", 1);
        status
            .publish()
            .unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(newest(), ["ok", "2", "a bad line", "4"]);
    }
}
