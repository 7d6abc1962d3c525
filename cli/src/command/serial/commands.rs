//! Fields of a board that are sent as lines when they change: each once, and acknowledged.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::value;
use tokio::sync::{mpsc, oneshot};

use super::brief;

/// How often those who wait look whether anybody still listens.
const GLANCE: Duration = Duration::from_secs(1);

/// A line to send.
pub struct Command {
    pub line: String,
    done: oneshot::Sender<Option<String>>,
}

impl Command {
    /// Says that it was sent, or why not.
    pub fn done(self, fault: Option<String>) {
        // Nobody listens once all ends.
        let _ = self.done.send(fault);
    }
}

/// The board of the commands, and the one of what was sent.
pub struct Commands {
    reader: Reader,
    sent: Writer,
    lines: BTreeMap<String, String>,
    /// The sequence up to which all was sent, and the record that it was.
    after: u64,
    known: BTreeMap<String, Value>,
}

impl Commands {
    pub fn open(board: &str, lines: &BTreeMap<String, String>, options: &Options) -> Result<Self> {
        if lines.is_empty() {
            let reason =
                "--write needs a section [serial.write] in the map, with a line for each field";
            return Err(Failure::Usage(reason.to_owned()));
        }
        let reader = Reader::open_unmapped(board)?;
        for name in lines.keys() {
            reader.schema().field(name)?;
        }
        let fields = vec![
            Field::new("command", Type::U64)
                .default(0_u64)
                .label("The sequence that was sent last"),
            Field::new("done", Type::Bool)
                .default(true)
                .label("Whether it was sent whole"),
            Field::text("message", super::BRIEF)
                .default("")
                .label("Why it was not"),
        ];
        let schema = Schema::new(fields)?.describe("What was sent of a board of commands")?;
        let sent = Writer::create(&format!("{board}-sent"), &schema, options)?;
        let last = sent.reader().read()?;
        let Value::UInt(after) = last.get("command")? else {
            unreachable!("a u64 is one");
        };
        let mut commands = Self {
            reader,
            sent,
            lines: lines.clone(),
            after,
            known: BTreeMap::new(),
        };
        if last.get("done")? == Value::Bool(false) {
            // Whether its lines went out, nobody knows: to send them again could do it twice. The next publication
            // says all fields anew.
            commands.acknowledge(after, false, "interrupted: it may have been sent")?;
        } else if let Ok(then) = commands.reader.read_at(after) {
            // What was sent is not sent again.
            commands.note(&then);
        }
        Ok(commands)
    }

    /// Hands over the lines, in a thread that waits for the board.
    pub fn start(mut self) -> mpsc::Receiver<Command> {
        let (sender, receiver) = mpsc::channel(1);
        thread::spawn(move || {
            while !sender.is_closed() {
                if let Err(failure) = self.step(&sender) {
                    // A board that is removed or damaged: it is not this bridge's to mend.
                    let _ = self.acknowledge(self.after, false, &failure.to_string());
                    thread::sleep(GLANCE);
                }
            }
        });
        receiver
    }

    /// Sends the next publication, if one comes.
    fn step(&mut self, sender: &mpsc::Sender<Command>) -> Result<()> {
        let next = self
            .reader
            .wait(self.after, Some(GLANCE))
            .and_then(|_| self.reader.read_after(self.after));
        let snapshot = match next {
            Ok(snapshot) => snapshot,
            Err(error) if error.kind() == ErrorKind::Timeout => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Gone => {
                let fresh = self.reader.reopen()?;
                if fresh.lineage() != self.reader.lineage() {
                    self.after = 0;
                }
                self.reader = fresh;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let sequence = snapshot.stamp().sequence;
        if snapshot.stamp().is_default() {
            self.note(&snapshot);
            self.after = sequence;
            return Ok(());
        }
        let mut lines = Vec::new();
        for (name, line) in &self.lines {
            let value = snapshot.get(name)?;
            if self.known.get(name) != Some(&value) && value != Value::Null {
                lines.push(line.replace("{}", &value::text(&value)) + "\r\n");
            }
        }
        self.after = sequence;
        if lines.is_empty() {
            self.acknowledge(sequence, true, "nothing has changed")?;
            self.note(&snapshot);
            return Ok(());
        }
        self.acknowledge(sequence, false, "being sent")?;
        let Some(fault) = send(lines, sender) else {
            // All ends; whether the last line went out, nobody knows.
            return Ok(());
        };
        if fault.is_empty() {
            self.note(&snapshot);
        } else {
            // What the device has of it, nobody knows: the next publication says all fields anew.
            self.known.clear();
        }
        self.acknowledge(sequence, fault.is_empty(), &fault)
    }

    fn note(&mut self, snapshot: &pegel::dynamic::Snapshot) {
        for name in self.lines.keys() {
            if let Ok(value) = snapshot.get(name) {
                self.known.insert(name.clone(), value);
            }
        }
    }

    fn acknowledge(&mut self, command: u64, done: bool, message: &str) -> Result<()> {
        let message = brief(message);
        let schema: Schema = self.sent.reader().schema().clone();
        let record = schema.encode(&[
            ("command", command.into()),
            ("done", done.into()),
            ("message", message.as_str().into()),
        ])?;
        self.sent.publish(&record)?;
        Ok(())
    }
}

/// Has lines sent, and says why one was not, or nothing; `None` if nobody sends any more.
fn send(lines: Vec<String>, sender: &mpsc::Sender<Command>) -> Option<String> {
    for line in lines {
        let (done, answer) = oneshot::channel();
        sender.blocking_send(Command { line, done }).ok()?;
        if let Some(fault) = answer.blocking_recv().ok()? {
            return Some(fault);
        }
    }
    Some(String::new())
}
