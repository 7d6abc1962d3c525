//! Records as the text that scripts read and write.

use clap::ValueEnum;
use pegel::dynamic::{Reader, Snapshot};
use pegel::{Schema, Type, Value};
use pegel_program::change::Change;
use pegel_program::failure::{Failure, Result};
use pegel_program::json;
use pegel_program::value;

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// An object of all fields; or the document
    Json,
    /// A line NAME=VALUE for each field; or the document
    Text,
}

impl Format {
    /// The byte that follows the text in the segment: a space where it is JSON.
    pub fn padding(self, schema: &Schema) -> u8 {
        let is_json = match schema.document() {
            Some(document) => document == Type::Json,
            None => matches!(self, Self::Json),
        };
        if is_json { b' ' } else { 0 }
    }

    /// The text of a record.
    pub fn text(self, reader: &Reader, snapshot: &Snapshot) -> Result<String> {
        if reader.schema().document().is_some() {
            let text = std::str::from_utf8(snapshot.bytes()).ok();
            let text = text.filter(|text| !text.contains('\0'));
            // White space at the end would read as padding.
            return text
                .map(|text| text.trim_ascii_end().to_owned())
                .ok_or_else(|| {
                    Failure::Failed(format!(
                        "board {}: the document is not text",
                        reader.board()
                    ))
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

    /// The fields of a text with their values.
    pub fn fields(self, schema: &Schema, text: &str) -> std::result::Result<Vec<Change>, String> {
        match self {
            Self::Json => serde_json::from_str(text)
                .map(Change::object)
                .map_err(|error| format!("the text is not a JSON object of fields: {error}")),
            Self::Text => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                lines
                    .map(|line| {
                        let (name, text) = line
                            .split_once('=')
                            .ok_or_else(|| format!("the line {line:?} is not NAME=VALUE"))?;
                        Ok(Change::text(schema, name.trim(), &unescaped(text)))
                    })
                    .collect()
            }
        }
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
    fn unescapes_what_it_escaped() {
        for text in ["", "plain", "two\nlines\r\n", "C:\\new", "\\", "\\\\n"] {
            assert_eq!(unescaped(&escaped(text)), text);
            assert!(!escaped(text).contains(['\n', '\r']));
        }
    }
}
