//! A part of a record by its name.

use pegel::dynamic::{Reader, Snapshot};
use pegel::{Type, Value};
use serde_json::{Value as Json, json};

use crate::escape;
use crate::failure::{Failure, Result};
use crate::json;
use crate::value::{self, FieldPath};

/// What a name leads to.
pub enum Lookup {
    /// A field, or an element of one.
    Value(Value),
    /// A part of a JSON document.
    Json(Json),
}

impl Lookup {
    /// As bare text, for scripts.
    pub fn text(&self) -> String {
        match self {
            Self::Value(value) => value::text(value),
            Self::Json(Json::String(text)) => text.clone(),
            Self::Json(json) => json.to_string(),
        }
    }

    /// As JSON.
    pub fn json(self) -> Json {
        match self {
            Self::Value(value) => json::value(&value),
            Self::Json(json) => json,
        }
    }
}

/// Finds FIELD, FIELD.N, or a path such as `inverters.0.power` in a JSON document.
pub fn find(reader: &Reader, snapshot: &Snapshot, name: &str) -> Result<Lookup> {
    let about = |failure: Failure| failure.of(reader.board());
    match reader.schema().document() {
        Some(Type::Json) => {
            let document = json::document(reader, snapshot)?;
            let part = part(&document, name).map_err(about)?;
            Ok(Lookup::Json(part.clone()))
        }
        Some(_) => Err(about(Failure::Failed(format!(
            "it holds bytes, which have no fields; leave out {name}"
        )))),
        None => {
            let FieldPath { field, index } =
                FieldPath::find(reader.schema(), name).map_err(about)?;
            match (snapshot.get(&field.name)?, index) {
                (Value::List(mut values), Some(index)) => {
                    Ok(Lookup::Value(values.swap_remove(index)))
                }
                (value, _) => Ok(Lookup::Value(value)),
            }
        }
    }
}

/// Follows a path such as `inverters.0.power` into a document.
fn part<'a>(document: &'a Json, path: &str) -> Result<&'a Json> {
    let mut part = document;
    for step in path.split('.') {
        let next = match part {
            Json::Object(object) => object.get(step),
            Json::Array(array) => step.parse().ok().and_then(|index: usize| array.get(index)),
            _ => None,
        };
        part = next.ok_or_else(|| absent(path, step, part))?;
    }
    Ok(part)
}

/// Sets the part of a document that a path leads to. Missing members of objects are created, and so
/// is the element behind the last one of an array.
pub fn set_part(document: &mut Json, path: &str, value: Json) -> Result<()> {
    let mut part = document;
    for step in path.split('.') {
        let index = step.parse().unwrap_or(usize::MAX);
        let absent = absent(path, step, part);
        part = match part {
            Json::Object(object) => object.entry(step).or_insert_with(|| json!({})),
            Json::Array(array) if index <= array.len() => {
                if index == array.len() {
                    array.push(json!({}));
                }
                &mut array[index]
            }
            _ => return Err(absent),
        };
    }
    *part = value;
    Ok(())
}

/// Why a path has no next step from a part of a document.
fn absent(path: &str, step: &str, part: &Json) -> Failure {
    let present = match part {
        Json::Object(object) => {
            let keys: Vec<_> = object.keys().map(|key| escape::line(key)).collect();
            format!("the keys there are {}", keys.join(", "))
        }
        Json::Array(array) => format!("the array there has {} elements", array.len()),
        plain => format!("the value there is {plain}"),
    };
    Failure::Failed(format!(
        "the document has no {path}: no {step:?}; {present}"
    ))
}
