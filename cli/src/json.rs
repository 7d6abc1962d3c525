//! Records and stamps as JSON, for programs.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Type, Value};
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json};

use crate::failure::{Failure, Result};
use crate::time;

pub fn print(json: &Json) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{json}")
}

/// Says what is wrong with a text that should be JSON.
pub fn check(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<IgnoredAny>(text).map(drop)
}

pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        Value::F32(value) if value.is_finite() => Json::from(*value),
        Value::F32(value) => Json::from(beyond_json(f64::from(*value))),
        Value::Float(value) if value.is_finite() => Json::from(*value),
        Value::Float(value) => Json::from(beyond_json(*value)),
        Value::Text(value) => Json::from(value.as_str()),
        Value::Bytes(value) => Json::from(BASE64_STANDARD.encode(value)),
        Value::List(values) => values.iter().map(self::value).collect(),
    }
}

fn beyond_json(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A JSON document, as it was published.
pub fn document(reader: &Reader, snapshot: &Snapshot) -> Result<Json> {
    serde_json::from_slice(snapshot.bytes()).map_err(|error| {
        let (board, sequence) = (reader.board(), snapshot.stamp().sequence);
        Failure::Failed(format!(
            "board {board}: the document of sequence {sequence} is no JSON: {error}; its writer \
             has to mend it (`pegel get {board}` prints it as it is)"
        ))
    })
}

/// An object of all fields; or the document.
pub fn record(reader: &Reader, snapshot: &Snapshot) -> Result<Json> {
    match reader.schema().document() {
        Some(Type::Json) => document(reader, snapshot),
        Some(_) => Ok(Json::from(BASE64_STANDARD.encode(snapshot.bytes()))),
        None => {
            let fields = snapshot.values().into_iter();
            let fields = fields.map(|(name, value)| (name.to_owned(), self::value(&value)));
            Ok(Json::Object(fields.collect()))
        }
    }
}

/// What is known of a publication.
pub fn stamp(snapshot: &Snapshot) -> Map<String, Json> {
    let stamp = snapshot.stamp();
    let seconds = |ns| {
        if stamp.is_timed() {
            Json::Number(time::seconds(ns))
        } else {
            Json::Null
        }
    };
    let facts = [
        ("sequence", Json::from(stamp.sequence)),
        ("generation", Json::from(stamp.generation)),
        ("is_default", Json::from(stamp.is_default())),
        ("published", seconds(stamp.published_ns)),
        ("age", seconds(stamp.age_ns)),
    ];
    facts
        .map(|(name, fact)| (name.to_owned(), fact))
        .into_iter()
        .collect()
}
