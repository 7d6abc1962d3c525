//! Records and stamps as JSON, for programs.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pegel::dynamic::{Encoded, Reader, Snapshot};
use pegel::{Field, Schema, Type, Value};
use serde_json::{Map, Value as Json, json};

use crate::escape;
use crate::failure::{Failure, Result};
use crate::time;

/// Prints a value on a line of standard output.
pub fn print(json: &Json) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", escape::json(&json.to_string()))
}

/// Checks that the text is valid JSON, nested no deeper than [`document`] can read.
pub fn check(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<Json>(text).map(drop)
}

/// A value of a field. Numbers that JSON does not have are strings, bytes are base64.
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

/// The inverse of [`value`], for a field of this type.
pub fn parse(kind: Type, count: u32, json: &Json) -> std::result::Result<Value, String> {
    if count > 1 {
        let Json::Array(elements) = json else {
            return if json.is_null() {
                Ok(Value::Null)
            } else {
                Err(format!("must be an array of {count} {kind} (got {json})"))
            };
        };
        let elements = elements.iter().map(|element| parse(kind, 1, element));
        return elements
            .collect::<std::result::Result<_, _>>()
            .map(Value::List);
    }
    let refused = || format!("must be {kind} (got {json})");
    // A number is digits here, as many as were written.
    let text = match json {
        Json::Null => return Ok(Value::Null),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (kind, json) {
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Text, Json::String(text)) => Ok(Value::Text(text.clone())),
        // What is said in digits is not infinite.
        (Type::F32, Json::Number(_)) => match text.parse() {
            Ok(value) if f32::is_finite(value) => Ok(Value::F32(value)),
            _ => Err(refused()),
        },
        (Type::F64, Json::Number(_)) => match text.parse() {
            Ok(value) if f64::is_finite(value) => Ok(Value::Float(value)),
            _ => Err(refused()),
        },
        (Type::F32 | Type::F64, Json::String(_)) => {
            let mut known = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter();
            let value = known.find(|known| beyond_json(*known) == text);
            let value = value.ok_or_else(refused)?;
            #[allow(clippy::cast_possible_truncation)] // none of them has digits
            Ok(if kind == Type::F32 {
                Value::F32(value as f32)
            } else {
                Value::Float(value)
            })
        }
        (Type::Bool | Type::Text | Type::Json | Type::Bytes, _) => Err(refused()),
        (_, Json::Number(_)) => {
            let signed = text.parse().map(Value::Int);
            signed
                .or_else(|_| text.parse().map(Value::UInt))
                .map_err(|_| refused())
        }
        _ => Err(refused()),
    }
}

/// Sets a field of a record to a value that is JSON, as [`value`] writes it.
pub fn assign(
    schema: &Schema,
    record: &mut Encoded,
    name: &str,
    json: &Json,
) -> std::result::Result<(), String> {
    let field = schema.field(name).map_err(|error| error.to_string())?;
    let value = parse(field.kind, field.count, json);
    let value = value.map_err(|reason| format!("field {name} {reason}"))?;
    let set = schema.set(record, name, &value);
    set.map_err(|error| error.to_string())
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
            "board {board}: the document of sequence {sequence} is not valid JSON: {error}; \
             publish a valid one (`pegel get {board}` prints this one)"
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

/// A field of a schema: its name, type, unit, limits and layout.
pub fn described(field: &Field) -> Json {
    let Field {
        name,
        unit,
        kind,
        size,
        count,
        offset,
        optional,
        details,
    } = field;
    let limit = |value: &Option<Value>| value.as_ref().map(self::value);
    json!({
        "name": name, "type": kind.name(), "unit": unit,
        "size": size, "count": count, "offset": offset, "optional": optional,
        "label": details.label, "description": details.description,
        "default": limit(&details.default), "min": limit(&details.min), "max": limit(&details.max),
    })
}

/// When and by whom a record was published: sequence, generation, times.
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
