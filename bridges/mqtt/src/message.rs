//! What mirrors are told, as JSON: a board's schema, and its newest record as the bytes that it is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pegel::Schema;
use serde::{Deserialize, Serialize};

use crate::board::{About, Record};
use crate::connection::LARGEST;

/// Of these messages; others are refused.
const FORMAT: u32 = 1;

/// The largest record whose message may be sent. Of a larger one, a mirror would only have the memory.
const LARGEST_RECORD: usize = LARGEST / 4 * 3;

/// A board's fields.
#[derive(Serialize, Deserialize)]
struct SchemaMessage {
    format: u32,
    hash: String,
    /// The field table and the details, as a board has them.
    table: String,
    details: String,
}

/// A publication.
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
    /// In nanoseconds, when this was sent.
    age: Option<i64>,
    /// Which optional fields are known, a bit each.
    present: String,
    record: String,
}

/// A publication, as a mirror gets to know it.
pub struct Told {
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
        age: record.age(),
        present: hex(record.present),
        record: BASE64_STANDARD.encode(&record.bytes),
    })
}

pub fn parse_schema(payload: &[u8]) -> Result<Schema, String> {
    let told: SchemaMessage = parse(payload, |told: &SchemaMessage| told.format)?;
    let table = bytes(&told.table)?;
    let schema = Schema::from_parts(&table, &told.details).map_err(|error| error.to_string())?;
    let size = schema.record_size();
    if size > LARGEST_RECORD {
        return Err(format!(
            "its records have up to {size} bytes, and {LARGEST_RECORD} are the most"
        ));
    }
    Ok(schema)
}

pub fn parse_record(payload: &[u8]) -> Result<Told, String> {
    let told: RecordMessage = parse(payload, |told: &RecordMessage| told.format)?;
    Ok(Told {
        schema: number(&told.schema)?,
        lineage: number(&told.lineage)?,
        sequence: told.sequence,
        generation: told.generation,
        published: told.published,
        age: told.age,
        present: number(&told.present)?,
        record: bytes(&told.record)?,
    })
}

fn parse<'a, T: Deserialize<'a>>(
    payload: &'a [u8],
    format: impl Fn(&T) -> u32,
) -> Result<T, String> {
    let told = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    match format(&told) {
        FORMAT => Ok(told),
        format => Err(format!(
            "it has format {format}; use the same version of Pegel on both sides"
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
    u64::from_str_radix(text, 16).map_err(|_| format!("{text:?} is no number"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| error.to_string())
}
