//! Sends fields of a board as lines when they change, each once, and acknowledges them in a board.

use std::collections::BTreeMap;
use std::thread;

use pegel::dynamic::{Reader, Snapshot, Writer};
use pegel::{Field, Options, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::follower::{Event, Follower, POLL_INTERVAL};
use pegel_program::status::truncated;
use pegel_program::value;
use tokio::sync::{mpsc, oneshot};

/// Maximum length of `message`, in bytes.
const MAX_MESSAGE: u32 = 120;

/// A line to send.
pub struct Command {
    pub line: String,
    done: oneshot::Sender<Option<String>>,
}

impl Command {
    /// Reports that the line was sent, or why not.
    pub fn done(self, failure: Option<String>) {
        // The receiver is gone when the program exits.
        let _ = self.done.send(failure);
    }
}

/// The board with the commands, and the one that acknowledges them.
pub struct Commands {
    follower: Follower,
    sent: Writer,
    lines: BTreeMap<String, String>,
    /// The sequence that was sent last.
    after: u64,
    /// The values that the device has.
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
                .label("Whether all its lines were sent"),
            Field::text("message", MAX_MESSAGE)
                .default("")
                .label("Why not"),
        ];
        let schema = Schema::new(fields)?.describe("What was sent of a board of commands")?;
        let sent = Writer::create(&format!("{board}-sent"), &schema, options)?;
        let last = sent.reader().read()?;
        let Value::UInt(after) = last.get("command")? else {
            unreachable!("the field is a u64");
        };
        let path = board.to_owned();
        let open = move || Reader::open_unmapped(&path);
        let mut commands = Self {
            follower: Follower::new(open).every(reader.lineage(), after),
            sent,
            lines: lines.clone(),
            after,
            known: BTreeMap::new(),
        };
        if last.get("done")? == Value::Bool(false) {
            // Its lines may have been sent, and must not be sent twice. The next record sends all
            // fields.
            commands.acknowledge(after, false, "interrupted: it may have been sent")?;
        } else if let Ok(then) = reader.read_at(after) {
            // Fields that were sent are not sent again.
            commands.note(&then);
        }
        Ok(commands)
    }

    /// Starts a thread that follows the board, and returns its lines.
    pub fn start(mut self) -> mpsc::Receiver<Command> {
        let (sender, receiver) = mpsc::channel(1);
        thread::spawn(move || {
            while !sender.is_closed() {
                let done = match self.follower.next(POLL_INTERVAL) {
                    Event::Record(_, snapshot) => self.send(&snapshot, &sender),
                    Event::Opened(..) | Event::Quiet(_) => Ok(()),
                    Event::Absent => Err(Failure::Failed("the board does not exist".to_owned())),
                    Event::Failed(error) => Err(error.into()),
                };
                if let Err(failure) = done {
                    let _ = self.acknowledge(self.after, false, &failure.to_string());
                }
            }
        });
        receiver
    }

    /// Sends the fields of a record that have changed.
    fn send(&mut self, snapshot: &Snapshot, sender: &mpsc::Sender<Command>) -> Result<()> {
        let sequence = snapshot.stamp().sequence;
        self.after = sequence;
        if snapshot.stamp().is_default() {
            self.note(snapshot);
            return Ok(());
        }
        let mut lines = Vec::new();
        for (name, line) in &self.lines {
            let value = snapshot.get(name)?;
            if self.known.get(name) != Some(&value) && value != Value::Null {
                lines.push(line_of(name, line, &value)?);
            }
        }
        if lines.is_empty() {
            self.acknowledge(sequence, true, "nothing has changed")?;
            self.note(snapshot);
            return Ok(());
        }
        self.acknowledge(sequence, false, "being sent")?;
        let Some(failure) = send(lines, sender) else {
            // The program exits, and the last line may have been sent.
            return Ok(());
        };
        if failure.is_empty() {
            self.note(snapshot);
        } else {
            // The device may have some of the fields: the next record sends all.
            self.known.clear();
        }
        self.acknowledge(sequence, failure.is_empty(), &failure)
    }

    fn note(&mut self, snapshot: &Snapshot) {
        for name in self.lines.keys() {
            if let Ok(value) = snapshot.get(name) {
                self.known.insert(name.clone(), value);
            }
        }
    }

    fn acknowledge(&mut self, command: u64, done: bool, message: &str) -> Result<()> {
        let message = truncated(message, MAX_MESSAGE as usize).replace('\0', " ");
        let record = self.sent.reader().schema().encode(&[
            ("command", command.into()),
            ("done", done.into()),
            ("message", message.as_str().into()),
        ])?;
        self.sent.publish(&record)?;
        Ok(())
    }
}

/// The line for a value. A control character in the value could end the line, and the rest would be
/// another command.
fn line_of(name: &str, line: &str, value: &Value) -> Result<String> {
    let text = value::text(value);
    if let Some(control) = text.chars().find(|character| character.is_control()) {
        let code = u32::from(control);
        return Err(Failure::Failed(format!(
            "field {name} must not have control characters, as it becomes a line (got U+{code:04X})"
        )));
    }
    Ok(line.replace("{}", &text) + "\r\n")
}

/// Sends lines. Returns why one was not sent, or an empty text if all were; `None` if the program
/// exits.
fn send(lines: Vec<String>, sender: &mpsc::Sender<Command>) -> Option<String> {
    for line in lines {
        let (done, answer) = oneshot::channel();
        sender.blocking_send(Command { line, done }).ok()?;
        if let Some(failure) = answer.blocking_recv().ok()? {
            return Some(failure);
        }
    }
    Some(String::new())
}
