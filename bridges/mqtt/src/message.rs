//! The messages for mirrors, as JSON: the schema of a board, and its newest record as bytes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pegel::Schema;
use serde::{Deserialize, Serialize};

use crate::connection::MAX_MESSAGE;
use crate::follower::{About, Record};

/// The format of these messages; a mirror rejects any other.
const FORMAT: u32 = 1;

/// Maximum size of a record whose message fits [`MAX_MESSAGE`]; a mirror would allocate memory for
/// a larger one in vain.
const MAX_RECORD: usize = MAX_MESSAGE / 4 * 3;

/// A board's fields.
#[derive(Serialize, Deserialize)]
struct SchemaMessage {
    format: u32,
    hash: String,
    /// The field table and the details, as in the file of a board.
    table: String,
    details: String,
}

/// A record.
#[derive(Serialize, Deserialize)]
struct RecordMessage {
    format: u32,
    /// The hash of its schema.
    schema: String,
    lineage: String,
    sequence: u64,
    generation: u64,
    /// Unix time in nanoseconds.
    published: Option<i64>,
    /// In nanoseconds, at the time of sending.
    age: Option<i64>,
    /// A bit for each optional field that is known.
    present: String,
    record: String,
}

/// A record of another machine.
pub struct RemoteRecord {
    pub schema: u64,
    pub lineage: u64,
    pub sequence: u64,
    pub generation: u64,
    pub published: Option<i64>,
    pub age: Option<i64>,
    pub present: u64,
    pub record: Vec<u8>,
}

pub fn schema(about: &About) -> String {
    let schema = &about.schema;
    text(&SchemaMessage {
        format: FORMAT,
        hash: hex(schema.hash()),
        table: BASE64_STANDARD.encode(schema.table()),
        details: schema.details().to_owned(),
    })
}

pub fn record(about: &About, record: &Record) -> String {
    text(&RecordMessage {
        format: FORMAT,
        schema: hex(about.schema.hash()),
        lineage: hex(about.lineage),
        sequence: record.sequence,
        generation: record.generation,
        published: record.published,
        age: record.born.age(),
        present: hex(record.present),
        record: BASE64_STANDARD.encode(&record.bytes),
    })
}

pub fn parse_schema(payload: &[u8]) -> Result<Schema, String> {
    let message: SchemaMessage = parse(payload, |message: &SchemaMessage| message.format)?;
    let table = bytes(&message.table)?;
    let schema = Schema::from_parts(&table, &message.details).map_err(|error| error.to_string())?;
    let size = schema.record_size();
    if size > MAX_RECORD {
        return Err(format!(
            "its records must have at most {MAX_RECORD} bytes (got {size})"
        ));
    }
    Ok(schema)
}

pub fn parse_record(payload: &[u8]) -> Result<RemoteRecord, String> {
    let message: RecordMessage = parse(payload, |message: &RecordMessage| message.format)?;
    Ok(RemoteRecord {
        schema: number(&message.schema)?,
        lineage: number(&message.lineage)?,
        sequence: message.sequence,
        generation: message.generation,
        published: message.published,
        age: message.age,
        present: number(&message.present)?,
        record: bytes(&message.record)?,
    })
}

fn parse<'a, T: Deserialize<'a>>(
    payload: &'a [u8],
    format: impl Fn(&T) -> u32,
) -> Result<T, String> {
    let message = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    match format(&message) {
        FORMAT => Ok(message),
        format => Err(format!(
            "the message has format {format}, not {FORMAT}; use the same version of Pegel on both \
             machines"
        )),
    }
}

fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("texts and numbers are JSON")
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

fn number(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| format!("{text:?} is not a number"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| error.to_string())
}
