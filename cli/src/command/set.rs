use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pegel::dynamic::{Encoded, Reader, Writer};
use pegel::{ErrorKind, Type, Value};
use pegel_program::change::{self, Change, New};
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::time::timeout;
use pegel_program::{json, lookup};
use serde_json::{Value as Json, json};

/// The name of a whole document.
const DOCUMENT: &str = "document";

const MORE: &str = "\
The other fields keep their values. The first record needs all fields that have
no default and are not optional. Read, change and publish is atomic. FIELD.N is
an element of an array (from 0); a whole array is its elements with commas.
Values outside a field's limits are refused.

In a JSON document, FIELD is the path to a part, such as inverters.0.power.
VALUE is JSON, or a text without quotes. Missing members of objects are created,
and an array grows by the element behind its last one. document=JSON or
--document FILE replaces the whole document.

With --if-sequence, nothing is published if another writer has published since
the record that you read (`sequence` in `pegel show NAME --json`).

Examples:
  pegel set tank level=3.21 note='rising slowly'
  pegel set config rated_power=405,405 --if-sequence 7
  pegel set config rated_power.1=300
  pegel set ahoy inverters.0.limit=300
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
    /// Publish only if this is still the newest sequence; 0 if none is
    #[arg(long, value_name = "N")]
    if_sequence: Option<u64>,
    /// Sync the record of a durable board to disk before this ends
    #[arg(long)]
    sync: bool,
    /// How long to wait for the writer lock
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
        // Before the lock: other writers must not wait for a slow standard input.
        let document = self.document.as_deref().map(read).transpose()?;
        let mut writer = Writer::open(&board, Some(self.timeout)).map_err(locked)?;
        if self.sync && !writer.reader().info().durable {
            return Err(Failure::Failed(format!(
                "board {} is not durable, which --sync needs. Make it durable with `pegel create \
                 --durable`.",
                self.name
            )));
        }
        let record = match document {
            Some(document) => change::document(writer.reader().schema(), document)
                .map_err(|reason| Failure::Failed(reason).of(writer.reader().board()))?,
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
        if reader.schema().document() == Some(Type::Json) {
            let changed = self.document(reader);
            return changed.map_err(|failure| failure.of(reader.board()));
        }
        let assigned = self.assignments.iter().map(|(field, text)| Change {
            target: field.clone(),
            value: New::Text(text.clone()),
        });
        let unset = self.unset.iter().map(|field| Change {
            target: field.clone(),
            value: New::Value(Value::Null),
        });
        let changes: Vec<_> = assigned.chain(unset).collect();
        let newest = change::newest(reader)?;
        change::apply(reader.schema(), newest, &changes)
            .map_err(|faults| Failure::Failed(change::message(&faults)).of(reader.board()))
    }

    /// The newest JSON document with its parts changed, or another one.
    fn document(&self, reader: &Reader) -> Result<Encoded> {
        if let Some(name) = self.unset.first() {
            return Err(Failure::Failed(format!(
                "a document has no optional fields: --unset {name} can do nothing. Set {name}=null"
            )));
        }
        let newest = change::newest(reader)?;
        let mut text = newest.map_or_else(|| b"{}".to_vec(), |newest| newest.bytes);
        for (path, value) in &self.assignments {
            if path == DOCUMENT {
                text = value.clone().into_bytes();
                continue;
            }
            let mut document = serde_json::from_slice(&text).map_err(|error| {
                Failure::Failed(format!(
                    "the document is not valid JSON: {error}. Replace it with {DOCUMENT}=JSON"
                ))
            })?;
            lookup::set_part(&mut document, path, part(path, value)?)?;
            text = document.to_string().into_bytes();
        }
        change::document(reader.schema(), text).map_err(Failure::Failed)
    }
}

/// A value for a part of a document, as `pegel get` prints it: JSON, or a text without its quotes.
fn part(path: &str, text: &str) -> Result<Json> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if !text.starts_with(['{', '[', '"']) => Ok(Json::from(text)),
        Err(error) => Err(Failure::Failed(format!(
            "the value of {path} is not valid JSON: {error} (got {text:?})"
        ))),
    }
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

fn locked(error: pegel::Error) -> Failure {
    if error.kind() == ErrorKind::Locked {
        Failure::Failed(format!(
            "{error}; stop it, or wait longer with --timeout SECONDS"
        ))
    } else {
        Failure::from(error)
    }
}
