//! Changes to a record, as every program makes them: all of them or none, with every fault named.

use std::collections::HashMap;

use pegel::dynamic::{Encoded, Reader};
use pegel::{Field, Schema, Type, Value};
use serde_json::{Map, Value as Json};

use crate::failure::Failure;
use crate::follower;
use crate::json;
use crate::value::FieldPath;

/// How many faults of one request are named: each may list all fields of the board.
const MAX_FAULTS: usize = 100;

/// How long a request may be beside what its values need: names, blanks, and fields that the
/// board does not have.
const SLACK: usize = 128 << 10;
/// The same for each value.
const SLACK_OF_VALUE: usize = 1 << 10;
/// The longest JSON of a byte: `\u0041`.
const ESCAPED: usize = 6;

/// Maximum length of a request that changes such a record, in bytes. A longer one is refused
/// before it is parsed, which takes a hundred times its length in memory.
pub fn max_length(schema: &Schema) -> usize {
    let values = schema.fields().iter().map(|field| field.count as usize);
    let values = values.sum::<usize>().saturating_mul(SLACK_OF_VALUE);
    let texts = schema.record_size().saturating_mul(ESCAPED);
    texts.saturating_add(values).saturating_add(SLACK)
}

/// A new value for a field.
#[derive(PartialEq)]
pub struct Change {
    /// FIELD, or FIELD.N for an element of an array.
    pub target: String,
    /// The new value.
    pub value: New,
}

/// A new value, in the form in which it was given.
#[derive(PartialEq)]
pub enum New {
    /// Text, as the command line gives it.
    Text(String),
    /// As [`json::value`] writes it.
    Json(Json),
    /// A value; `Null` for unknown.
    Value(Value),
}

/// Why a change was rejected.
#[derive(Debug, PartialEq)]
pub struct Fault {
    /// The field, as the change names it.
    pub field: String,
    /// The message, which names the field.
    pub message: String,
    /// The index of the change; `None` for a field that is missing in the first record.
    pub change: Option<usize>,
}

impl Change {
    /// A field and its new value as text; an empty text makes an optional field unknown.
    pub fn text(schema: &Schema, target: &str, text: &str) -> Self {
        let is_optional = || FieldPath::find(schema, target).is_ok_and(|path| path.field.optional);
        let value = if text.is_empty() && is_optional() {
            New::Value(Value::Null)
        } else {
            New::Text(text.to_owned())
        };
        Self {
            target: target.to_owned(),
            value,
        }
    }

    /// The members of an object as changes.
    pub fn object(object: Map<String, Json>) -> Vec<Self> {
        let members = object.into_iter();
        members
            .map(|(target, value)| Self {
                target,
                value: New::Json(value),
            })
            .collect()
    }
}

/// The newest record; `None` if nothing has been published.
pub fn newest(reader: &Reader) -> pegel::Result<Option<Encoded>> {
    let newest = follower::newest(reader)?;
    Ok(newest.map(|snapshot| snapshot.encoded()))
}

/// The newest record with the changes. Without a newest record, the changes must give every field
/// that has no default and is not optional.
pub fn apply(
    schema: &Schema,
    newest: Option<Encoded>,
    changes: &[Change],
) -> Result<Encoded, Vec<Fault>> {
    let mut faults = Vec::new();
    if newest.is_none() {
        let given = given(changes);
        let is_missing = |field: &&Field| {
            let elements = given.get(&*field.name).copied().unwrap_or_default();
            !field.may_be_missing() && elements < u64::from(field.count)
        };
        faults.extend(schema.fields().iter().filter(is_missing).map(missing_fault));
    }
    let mut record = newest.unwrap_or_else(|| schema.template());
    for (index, change) in changes.iter().enumerate() {
        if faults.len() >= MAX_FAULTS {
            break;
        }
        if let Err(failure) = apply_one(schema, &mut record, change) {
            faults.push(Fault {
                field: change.target.clone(),
                message: failure.to_string(),
                change: Some(index),
            });
        }
    }
    if faults.is_empty() {
        Ok(record)
    } else {
        Err(faults)
    }
}

/// How many elements of each field are given; of a whole field, more than it can have.
fn given(changes: &[Change]) -> HashMap<&str, u64> {
    let mut given = HashMap::new();
    for change in changes {
        let (name, elements) = match change.target.split_once('.') {
            None => (&*change.target, u64::from(u32::MAX)),
            Some((name, _)) => (name, 1),
        };
        *given.entry(name).or_default() += elements;
    }
    given
}

fn missing_fault(field: &Field) -> Fault {
    let Field { name, kind, .. } = field;
    Fault {
        field: name.clone(),
        message: format!("field {name} ({kind}) is missing"),
        change: None,
    }
}

fn apply_one(schema: &Schema, record: &mut Encoded, change: &Change) -> Result<(), Failure> {
    let path = FieldPath::find(schema, &change.target)?;
    let value = match &change.value {
        New::Text(text) => path.parse(text)?,
        New::Value(value) => value.clone(),
        New::Json(json) => {
            let Field {
                name, kind, count, ..
            } = path.field;
            let count = if path.index.is_some() { 1 } else { *count };
            json::parse(*kind, count, json)
                .map_err(|reason| Failure::Failed(format!("field {name} {reason}")))?
        }
    };
    let value = path.completed(schema, record, value)?;
    Ok(schema.set(record, &path.field.name, &value)?)
}

/// A document as a record of the board.
pub fn document(schema: &Schema, bytes: Vec<u8>) -> Result<Encoded, String> {
    let Some(kind) = schema.document() else {
        return Err("the board has fields, not a document; give FIELD=VALUE".to_owned());
    };
    let (size, limit) = (bytes.len(), schema.record_size());
    if size > limit {
        return Err(format!(
            "the document must have at most {limit} bytes (got {size})"
        ));
    }
    if kind == Type::Json {
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| format!("the document is not valid UTF-8: {error}"))?;
        json::check(text).map_err(|error| format!("the document is not valid JSON: {error}"))?;
    }
    Ok(Encoded { bytes, present: 0 })
}

/// The faults as one message.
pub fn message(faults: &[Fault]) -> String {
    let messages: Vec<_> = faults.iter().map(|fault| &*fault.message).collect();
    let messages = messages.join("; ");
    if faults.iter().any(|fault| fault.change.is_none()) {
        format!("nothing is published yet, and the first record needs all fields: {messages}")
    } else {
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let fields = vec![
            Field::new("level", Type::F64).max(5.0),
            Field::new("pumps", Type::U16).array(2),
            Field::new("fault", Type::I32).optional(),
        ];
        Schema::new(fields).expect("a schema")
    }

    fn change(target: &str, text: &str) -> Change {
        Change {
            target: target.to_owned(),
            value: New::Text(text.to_owned()),
        }
    }

    #[test]
    fn first_record_needs_every_required_field() {
        let changes = [change("pumps.0", "1")];
        let faults = apply(&schema(), None, &changes).expect_err("two are missing");
        let names: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(names, ["level", "pumps"]);
        assert!(faults.iter().all(|fault| fault.change.is_none()));

        let whole = [
            change("level", "1.5"),
            change("pumps.0", "1"),
            change("pumps.1", "2"),
        ];
        assert!(apply(&schema(), None, &whole).is_ok());
    }

    #[test]
    fn names_every_fault() {
        let newest = Some(schema().template());
        let changes = [
            change("level", "9"),
            change("fault", "3"),
            change("pumps.2", "1"),
            change("leval", "1"),
        ];
        let faults = apply(&schema(), newest, &changes).expect_err("three are wrong");
        let names: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(names, ["level", "pumps.2", "leval"]);
    }

    #[test]
    fn bounds_the_number_of_faults() {
        let changes: Vec<_> = (0..100).map(|n| change(&format!("x{n}"), "1")).collect();
        let newest = Some(schema().template());
        let faults = apply(&schema(), newest, &changes).expect_err("all are wrong");
        assert_eq!(faults.len(), MAX_FAULTS);
    }
}
