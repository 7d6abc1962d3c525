//! Records and stamps as JSON, for programs.

use std::io::{self, Write};
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pegel::dynamic::{Encoded, Reader, Snapshot};
use pegel::{Field, Schema, Type, TypeClass, Value};
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
    from_slice(text.as_bytes()).map(drop)
}

/// The name by which `serde_json` keeps the digits of a number: it takes an object with this one
/// member for a number.
const PRIVATE: &str = "$serde_json::private::Number";

/// Parses JSON that another program wrote. An object with the private name of `serde_json` is
/// refused: it would become a number that its writer did not write.
pub fn from_slice(text: &[u8]) -> serde_json::Result<Json> {
    if has_private_name(text) {
        let message = format!("the name {PRIVATE:?} is reserved");
        return Err(serde::de::Error::custom(message));
    }
    serde_json::from_slice(text)
}

fn has_private_name(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let mut end = start + 1;
        while rest.get(end).is_some_and(|byte| *byte != b'"') {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        // A text without an end is not valid JSON.
        let Some(after) = rest.get(end + 1..) else {
            return false;
        };
        let literal = &rest[start..=end];
        let is_name = after.trim_ascii_start().starts_with(b":");
        let may_be_private = literal.contains(&b'\\') || literal.len() == PRIVATE.len() + 2;
        if is_name && may_be_private {
            let name = serde_json::from_slice::<String>(literal);
            if name.is_ok_and(|name| name == PRIVATE) {
                return true;
            }
        }
        rest = after;
    }
    false
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
    if json.is_null() {
        return Ok(Value::Null);
    }
    let value = match kind.class() {
        TypeClass::Bool => json.as_bool().map(Value::Bool),
        TypeClass::Text => json.as_str().map(Value::from),
        TypeClass::Float if kind == Type::F32 => float(
            json,
            f32::is_finite,
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY],
        )
        .map(Value::F32),
        TypeClass::Float => float(json, f64::is_finite, BEYOND).map(Value::Float),
        TypeClass::Json | TypeClass::Bytes => None,
        TypeClass::Integer => {
            // A number is digits here, as many as were written.
            let digits = json
                .as_number()
                .map(ToString::to_string)
                .unwrap_or_default();
            let signed = digits.parse().map(Value::Int);
            signed.or_else(|_| digits.parse().map(Value::UInt)).ok()
        }
    };
    value.ok_or_else(refused)
}

/// A number, or the text of one that JSON does not have. A number in digits is finite.
fn float<F: FromStr + Copy>(json: &Json, is_finite: fn(F) -> bool, beyond: [F; 3]) -> Option<F> {
    match json {
        Json::Number(number) => {
            let value = number.to_string().parse().ok();
            value.filter(|value| is_finite(*value))
        }
        Json::String(text) => {
            let index = BEYOND
                .iter()
                .position(|known| beyond_json(*known) == text)?;
            Some(beyond[index])
        }
        _ => None,
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

/// The numbers that JSON does not have.
const BEYOND: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// The text of a number that JSON does not have.
pub(crate) fn beyond_json(value: f64) -> &'static str {
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
    from_slice(snapshot.bytes()).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_the_private_name_of_numbers() {
        for text in [
            r#"{"$serde_json::private::Number":"5"}"#,
            r#"[{"a":"\"","\u0024serde_json::private::Number" : "1e9"}]"#,
        ] {
            let error = check(text).expect_err(text);
            assert!(error.to_string().contains("is reserved"), "{error}");
        }
        for text in [
            r#"{"name":"$serde_json::private::Number"}"#,
            r#"{"$serde_json::private::RawValue":"[1]"}"#,
            r#"{"\"$serde_json::private::Number":1.50}"#,
        ] {
            check(text).expect(text);
        }
    }
}
