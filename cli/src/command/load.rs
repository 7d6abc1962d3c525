use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use pegel::durable::State;
use pegel::dynamic::{Encoded, Writer};
use pegel::{Details, Field, Options, Schema, Type, restore};
use pegel_program::failure::{Failure, Result};
use pegel_program::json;
use pegel_program::target::Target;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::description;

/// What a snapshot file begins with, as every board and every durable file.
const MAGIC: &[u8] = b"PEGEL";

const MORE: &str = "\
FILE is what `pegel dump` wrote. A snapshot file makes a board NAME with its
records as old as they are and with their sequences, or none at all if a bit
of it has changed. A copy of a durable file does the same with its record, and
knows its NAME. From JSON, the records are published anew, now; NAME is the
one in it, unless another is given; - is standard input.

Examples:
  pegel load config.json
  pegel load config.json config-copy
  pegel load /var/backups/inverter.snapshot inverter
  pegel load /var/backups/pegel.config.durable --replace";

/// Make a board of what `pegel dump` wrote, or of a copy of a durable file
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Load {
    /// The file; - is standard input
    file: PathBuf,
    /// Board: NAME or DIRECTORY/NAME
    name: Option<String>,
    /// Replace a board that is there: the sequences go on
    #[arg(long)]
    replace: bool,
    /// Permissions, octal [default: those in the JSON, else 0640]
    #[arg(long, value_parser = description::mode)]
    mode: Option<u32>,
}

#[derive(Deserialize)]
struct Dumped {
    board: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    slots: u32,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    checksum: bool,
    #[serde(default)]
    durable: bool,
    fields: Vec<DumpedField>,
    records: Vec<DumpedRecord>,
}

#[derive(Deserialize)]
struct DumpedRecord {
    record: Json,
}

#[derive(Deserialize)]
struct DumpedField {
    name: String,
    r#type: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    size: u32,
    count: Option<u32>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    label: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    default: Json,
    #[serde(default)]
    min: Json,
    #[serde(default)]
    max: Json,
}

impl Load {
    pub fn run(self, target: &Target) -> Result<()> {
        let shown = self.file.display();
        let failed = |reason: String| Failure::Failed(format!("cannot load {shown}: {reason}"));
        let text = read(&self.file).map_err(|error| failed(error.to_string()))?;
        let options = Options {
            mode: self.mode.unwrap_or(0),
            replace: self.replace,
            ..Options::default()
        };
        if text.starts_with(MAGIC) {
            let told = State::read(&self.file).ok();
            let told = told.and_then(|state| Some(state.board.file_name()?.to_str()?.to_owned()));
            let Some(name) = self.name.clone().or(told) else {
                return Err(Failure::Usage(format!(
                    "{shown} does not say its board: give NAME"
                )));
            };
            if self.file == Path::new("-") {
                let reason = "a snapshot file is read by its path, not from standard input";
                return Err(Failure::Usage(reason.to_owned()));
            }
            return Ok(restore(&target.board(&name)?, &self.file, &options)?);
        }
        let dumped: Dumped = serde_json::from_slice(&text)
            .map_err(|error| failed(format!("it is no dump of a board: {error}")))?;
        let board = match &self.name {
            Some(name) => target.board(name)?,
            None => target.board_in_file(&self.file, &dumped.board)?,
        };
        let schema = schema(&dumped).map_err(failed)?;
        let records = dumped.records.iter().enumerate().map(|(index, dumped)| {
            let record = record(&schema, &dumped.record);
            record.map_err(|reason| failed(format!("record {}: {reason}", index + 1)))
        });
        // All of them, before anything is made.
        let records: Vec<Encoded> = records.collect::<Result<_>>()?;
        let mode = match (&*dumped.mode, self.mode) {
            ("", mode) | (_, mode @ Some(_)) => mode.unwrap_or(0),
            (text, None) => description::mode(text).map_err(failed)?,
        };
        let options = Options {
            slots: dumped.slots,
            mode,
            checksum: dumped.checksum,
            durable: dumped.durable,
            ..options
        };
        let mut writer = Writer::create(&board, &schema, &options)?;
        for record in &records {
            writer.publish(record)?;
        }
        Ok(())
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().read_to_end(&mut text)?;
    } else {
        File::open(file)?.read_to_end(&mut text)?;
    }
    Ok(text)
}

fn schema(dumped: &Dumped) -> std::result::Result<Schema, String> {
    let fields = dumped.fields.iter().map(|field| {
        let kind: Type = field
            .r#type
            .parse()
            .map_err(|error: pegel::Error| error.to_string())?;
        let count = field.count.unwrap_or(1);
        let value = |json: &Json, count| match json {
            Json::Null => Ok(None),
            // The default of a JSON document is a text that has it.
            Json::String(text) if kind.is_document() => Ok(Some(text.as_str().into())),
            json => json::parse(kind, count, json).map(Some),
        };
        let details = Details {
            label: field.label.clone(),
            description: field.description.clone(),
            default: value(&field.default, count)?,
            min: value(&field.min, 1)?,
            max: value(&field.max, 1)?,
        };
        Ok(Field {
            unit: field.unit.clone(),
            size: field.size,
            count,
            optional: field.optional,
            details,
            ..Field::new(field.name.clone(), kind)
        })
    });
    let fields: Vec<_> = fields.collect::<std::result::Result<_, String>>()?;
    let schema = Schema::new(fields).and_then(|schema| schema.describe(&*dumped.description));
    schema.map_err(|error| error.to_string())
}

fn record(schema: &Schema, json: &Json) -> std::result::Result<Encoded, String> {
    match schema.document() {
        Some(Type::Json) => Ok(document(json.to_string().into_bytes())),
        Some(_) => {
            let text = json.as_str().ok_or("bytes are a text in base64")?;
            let bytes = BASE64_STANDARD
                .decode(text)
                .map_err(|error| error.to_string())?;
            Ok(document(bytes))
        }
        None => fields(
            schema,
            json.as_object()
                .ok_or("a record is an object of its fields")?,
        ),
    }
}

fn document(bytes: Vec<u8>) -> Encoded {
    Encoded { bytes, present: 0 }
}

fn fields(schema: &Schema, values: &Map<String, Json>) -> std::result::Result<Encoded, String> {
    let is_missing = |field: &&Field| !values.contains_key(&field.name) && !field.may_be_missing();
    if let Some(field) = schema.fields().iter().find(is_missing) {
        return Err(format!("it lacks the field {}", field.name));
    }
    let mut record = schema.template();
    for (name, json) in values {
        json::assign(schema, &mut record, name, json)?;
    }
    Ok(record)
}
