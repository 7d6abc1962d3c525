use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pegel::dynamic::{Encoded, Reader, Writer};
use pegel::{ErrorKind, Field, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::json;
use pegel_program::target::Target;
use pegel_program::time::timeout;
use pegel_program::value::FieldPath;
use serde_json::json;

const MORE: &str = "\
The other fields keep their values; the first record needs all that have no
default and are not optional. To read, change and publish is one step that no
other writer gets into. FIELD.N is an element of an array (from 0); a whole array
is its elements, joined by commas. Values outside of a field's limits are refused.

A JSON document is replaced as a whole: document=JSON, or --document FILE.

With --if-sequence, nothing is published if somebody else published since the
record that you read (`sequence` in `pegel show NAME --json`).

Examples:
  pegel set tank level=3.21 note='rising slowly'
  pegel set config rated_power=405,405 --if-sequence 7
  pegel set config rated_power.1=300
  pegel set ahoy --document ahoy.json
  pegel set config interval=5 --sync && echo saved";

/// Change fields and publish the record
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Set {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Fields and their new values
    #[arg(value_name = "FIELD=VALUE", value_parser = assignment)]
    #[arg(required_unless_present_any = ["document", "unset"], conflicts_with = "document")]
    assignments: Vec<(String, String)>,
    /// Make an optional field unknown
    #[arg(long, value_name = "FIELD", conflicts_with = "document")]
    unset: Vec<String>,
    /// Publish this file as the document; - is standard input
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Publish only if this is still the newest sequence; 0: none yet
    #[arg(long, value_name = "N")]
    if_sequence: Option<u64>,
    /// Put the record of a durable board on the disk before this ends
    #[arg(long)]
    sync: bool,
    /// How long to wait for another writer to finish
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = timeout)]
    timeout: Duration,
    /// Print the sequence of the new record as JSON
    #[arg(long)]
    json: bool,
}

fn assignment(text: &str) -> std::result::Result<(String, String), String> {
    let (field, value) = text
        .split_once('=')
        .ok_or("write FIELD=VALUE; FIELD= is an empty text")?;
    Ok((field.to_owned(), value.to_owned()))
}

impl Set {
    pub fn run(self, target: &Target) -> Result<()> {
        let board = target.board(&self.name)?;
        let assigned = self.assignments.iter().map(|(field, _)| field);
        let mut given = HashSet::new();
        if let Some(field) = assigned
            .chain(&self.unset)
            .find(|field| !given.insert(*field))
        {
            return Err(Failure::Usage(format!("{field} is given twice")));
        }
        // Before the turn: others must not wait for a slow standard input.
        let document = self.document.as_deref().map(read).transpose()?;
        let mut writer = Writer::open(&board, Some(self.timeout)).map_err(locked)?;
        if self.sync && !writer.reader().info().durable {
            return Err(Failure::Failed(format!(
                "board {} is not durable, so --sync can do nothing; `pegel create --durable` makes it so",
                self.name
            )));
        }
        let record = match document {
            Some(document) => Encoded {
                bytes: checked(writer.reader(), document)?,
                present: 0,
            },
            None => self.record(writer.reader())?,
        };
        let sequence = match self.if_sequence {
            Some(expected) => writer.publish_if(expected, &record)?,
            None => writer.publish(&record)?,
        };
        if self.sync {
            writer.sync()?;
        }
        if self.json {
            json::print(&json!({ "sequence": sequence }))?;
        }
        Ok(())
    }

    /// The newest record with the assignments done.
    fn record(&self, reader: &Reader) -> Result<Encoded> {
        let record = match reader.read() {
            Ok(snapshot) => Some(snapshot.encoded()),
            Err(error) if error.kind() == ErrorKind::Empty => None,
            Err(error) => return Err(error.into()),
        };
        self.change(reader.schema(), record)
            .map_err(|failure| failure.of(reader.board()))
    }

    fn change(&self, schema: &Schema, record: Option<Encoded>) -> Result<Encoded> {
        let changes = self.assignments.iter().map(|(name, text)| {
            let path = FieldPath::find(schema, name)?;
            let value = path.parse(text)?;
            Ok((path, value))
        });
        let changes: Vec<_> = changes.collect::<Result<_>>()?;
        let mut record = match record {
            Some(record) => record,
            None => first(schema, &changes)?,
        };
        for (path, value) in changes {
            let value = path.completed(schema, &record, value)?;
            schema.set(&mut record, &path.field.name, &value)?;
        }
        for name in &self.unset {
            if !schema.field(name)?.optional {
                let message = format!("field {name} is not optional: it cannot be unknown");
                return Err(Failure::Failed(message));
            }
            schema.set(&mut record, name, &Value::Null)?;
        }
        Ok(record)
    }
}

/// The record before the first one, for changes that leave out only what may be missing.
fn first(schema: &Schema, changes: &[(FieldPath, Value)]) -> Result<Encoded> {
    let is_given = |field: &Field| {
        let mut given = changes.iter().filter(|(path, _)| path.field == field);
        let elements = given.clone().filter(|(path, _)| path.index.is_some());
        elements.count() == field.count as usize || given.any(|(path, _)| path.index.is_none())
    };
    let needed = schema
        .fields()
        .iter()
        .filter(|field| !field.may_be_missing());
    let missing: Vec<_> = needed
        .filter(|field| !is_given(field))
        .map(|field| &*field.name)
        .collect();
    if missing.is_empty() {
        return Ok(schema.template());
    }
    Err(Failure::Failed(format!(
        "nothing has been published yet, and the first record needs all fields; give {} too",
        missing.join(", ")
    )))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut document = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut document)
    } else {
        File::open(path).and_then(|mut file| file.read_to_end(&mut document))
    };
    read.map(|_| document).map_err(|error| {
        Failure::Failed(format!(
            "cannot read the document {}: {error}",
            path.display()
        ))
    })
}

fn checked(reader: &Reader, document: Vec<u8>) -> Result<Vec<u8>> {
    let board = reader.board();
    match reader.schema().document() {
        Some(Type::Json) => match std::str::from_utf8(&document).map(json::check) {
            Ok(Ok(())) => Ok(document),
            Ok(Err(error)) => Err(Failure::Failed(format!(
                "board {board}: the document is no JSON: {error}"
            ))),
            Err(error) => Err(Failure::Failed(format!(
                "board {board}: the document is no JSON, as it is no UTF-8: {error}"
            ))),
        },
        Some(_) => Ok(document),
        None => Err(Failure::Failed(format!(
            "board {board} has fields and holds no document; give FIELD=VALUE"
        ))),
    }
}

fn locked(error: pegel::Error) -> Failure {
    if error.kind() == ErrorKind::Locked {
        Failure::Failed(format!(
            "{error}; stop it, or wait longer with --timeout SECONDS"
        ))
    } else {
        Failure::from(error)
    }
}
