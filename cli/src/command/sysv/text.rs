//! Records as the text that scripts read and write.

use clap::ValueEnum;
use pegel::dynamic::{Encoded, Reader, Snapshot};
use pegel::{Field, Schema, Type, Value};
use pegel_program::failure::{Failure, Result};
use pegel_program::json;
use pegel_program::value::{self, FieldPath};
use serde_json::{Map, Value as Json};

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// An object of all fields; or the document
    Json,
    /// A line NAME=VALUE for each field; or the document
    Text,
}

impl Format {
    /// The text of a record.
    pub fn text(self, reader: &Reader, snapshot: &Snapshot) -> Result<String> {
        if reader.schema().document().is_some() {
            let text = std::str::from_utf8(snapshot.bytes()).ok();
            let text = text.filter(|text| !text.contains('\0'));
            return text.map(str::to_owned).ok_or_else(|| {
                Failure::Failed(format!("board {}: the document is no text", reader.board()))
            });
        }
        Ok(match self {
            Self::Json => json::record(reader, snapshot)?.to_string(),
            Self::Text => {
                let line = |(name, value): (&str, Value)| {
                    format!("{name}={}\n", escaped(&value::text(&value)))
                };
                snapshot.values().into_iter().map(line).collect()
            }
        })
    }

    /// Changes a record as a script changed its text, and gives back the fields that stand there: what the script left
    /// as it was stays as it is.
    pub fn apply(
        self,
        schema: &Schema,
        record: &mut Encoded,
        before: &str,
        text: &str,
    ) -> Result<Vec<String>> {
        let set = |record: &mut Encoded, field: &Field, value: &Value| {
            schema
                .set(record, &field.name, value)
                .map_err(Failure::from)
        };
        if let Some(kind) = schema.document() {
            let field = &schema.fields()[0];
            if kind == Type::Json {
                json::check(text)
                    .map_err(|error| Failure::Failed(format!("it is no JSON: {error}")))?;
                set(record, field, &text.into())?;
            } else {
                set(record, field, &Value::Bytes(text.into()))?;
            }
            return Ok(vec![field.name.clone()]);
        }
        let mut given = Vec::new();
        match self {
            Self::Json => {
                let wrong =
                    |error| Failure::Failed(format!("it is no JSON object of fields: {error}"));
                let now: Map<String, Json> = serde_json::from_str(text).map_err(wrong)?;
                let before: Map<String, Json> = serde_json::from_str(before).unwrap_or_default();
                for (name, json) in &now {
                    let field = schema.field(name)?;
                    if before.get(name) != Some(json) {
                        let value = json::parse(field.kind, field.count, json);
                        let wrong = |reason| Failure::Failed(format!("field {name}: {reason}"));
                        set(record, field, &value.map_err(wrong)?)?;
                    }
                    given.push(field.name.clone());
                }
            }
            Self::Text => {
                let before: Vec<_> = before.lines().collect();
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    let (name, text) = line.split_once('=').ok_or_else(|| {
                        Failure::Failed(format!("the line {line:?} is not NAME=VALUE"))
                    })?;
                    let path = FieldPath::find(schema, name.trim())?;
                    if !before.contains(&line) {
                        let value = if text.is_empty() && path.field.optional {
                            Value::Null
                        } else {
                            path.parse(&unescaped(text))?
                        };
                        set(record, path.field, &value)?;
                    }
                    given.push(path.field.name.clone());
                }
            }
        }
        Ok(given)
    }
}

/// A value on one line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_escaped_comes_back() {
        for text in ["", "plain", "two\nlines\r\n", "C:\\new", "\\", "\\\\n"] {
            assert_eq!(unescaped(&escaped(text)), text);
            assert!(!escaped(text).contains(['\n', '\r']));
        }
    }
}
