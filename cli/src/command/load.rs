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

/// The first bytes of every snapshot file, board and durable file.
const MAGIC: &[u8] = b"PEGEL";

const MORE: &str = "\
FILE is what `pegel dump` wrote. From a snapshot file, board NAME is created
with its records, their ages and their sequences, or not at all if a bit has
changed.
A copy of a durable file does the same with its record, and has the NAME. From
JSON, the records are published again, now; without NAME, the board has the name
in the JSON. - is standard input.

Examples:
  pegel load config.json
  pegel load config.json config-copy
  pegel load /var/backups/inverter.snapshot inverter
  pegel load /var/backups/pegel.config.durable --replace";

/// Create a board from the output of `pegel dump`, or a copy of a durable file
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Load {
    /// File to load; - is standard input
    file: PathBuf,
    /// Board: NAME or DIRECTORY/NAME
    name: Option<String>,
    /// Replace an existing board: its sequences continue
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
            let named = State::read(&self.file).ok();
            let named = named.and_then(|state| Some(state.board.file_name()?.to_str()?.to_owned()));
            let Some(name) = self.name.clone().or(named) else {
                return Err(Failure::Usage(format!(
                    "{shown} does not have the name of its board: give NAME"
                )));
            };
            if self.file == Path::new("-") {
                let reason = "a snapshot file cannot be read from standard input; pass its path";
                return Err(Failure::Usage(reason.to_owned()));
            }
            return Ok(restore(&target.board(&name)?, &self.file, &options)?);
        }
        let dumped: Dumped = serde_json::from_slice(&text)
            .map_err(|error| failed(format!("not a dump of a board: {error}")))?;
        let board = match &self.name {
            Some(name) => target.board(name)?,
            None => target.board_in_file(&self.file, &dumped.board)?,
        };
        let schema = schema(&dumped).map_err(failed)?;
        let records = dumped.records.iter().enumerate().map(|(index, dumped)| {
            let record = record(&schema, &dumped.record);
            record.map_err(|reason| failed(format!("record {}: {reason}", index + 1)))
        });
        // All of them, before the board is created.
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
            let text = json.as_str().ok_or("bytes must be a text in base64")?;
            let bytes = BASE64_STANDARD
                .decode(text)
                .map_err(|error| error.to_string())?;
            Ok(document(bytes))
        }
        None => fields(
            schema,
            json.as_object()
                .ok_or("a record must be an object of its fields")?,
        ),
    }
}

fn document(bytes: Vec<u8>) -> Encoded {
    Encoded { bytes, present: 0 }
}

fn fields(schema: &Schema, values: &Map<String, Json>) -> std::result::Result<Encoded, String> {
    let is_missing = |field: &&Field| !values.contains_key(&field.name) && !field.may_be_missing();
    if let Some(field) = schema.fields().iter().find(is_missing) {
        return Err(format!("field {} is missing", field.name));
    }
    let mut record = schema.template();
    for (name, json) in values {
        json::assign(schema, &mut record, name, json)?;
    }
    Ok(record)
}
