//! Values as text: how the command line names a part of a record, and gives its value.

use pegel::dynamic::Encoded;
use pegel::{Field, Schema, Type, TypeClass, Value};

use crate::failure::{Failure, Result};
use crate::json;

/// FIELD, or FIELD.N for one element of an array.
pub struct FieldPath<'a> {
    /// The field.
    pub field: &'a Field,
    /// The element of the array; `None` for the whole field.
    pub index: Option<usize>,
}

impl<'a> FieldPath<'a> {
    /// Finds the field, and checks that the element exists.
    pub fn find(schema: &'a Schema, name: &str) -> Result<Self> {
        let Some((name, index)) = name.split_once('.') else {
            let field = schema.field(name)?;
            return Ok(Self { field, index: None });
        };
        let field = schema.field(name)?;
        if field.count == 1 {
            return Err(Failure::Failed(format!(
                "field {name} is not an array; leave out .{index}"
            )));
        }
        match index.parse() {
            Ok(index) if index < field.count as usize => Ok(Self {
                field,
                index: Some(index),
            }),
            _ => Err(Failure::Failed(format!(
                "field {name} has {count} elements, {name}.0 to {name}.{last} (got {name}.{index})",
                count = field.count,
                last = field.count - 1,
            ))),
        }
    }

    /// Parses the value of it, as the command line gives it.
    pub fn parse(&self, text: &str) -> Result<Value> {
        if self.index.is_some() || self.field.count == 1 {
            return parse(self.field, text);
        }
        let values = text.split(',').map(|element| parse(self.field, element));
        values.collect::<Result<_>>().map(Value::List)
    }

    /// The value of the whole field: for an element, the array of `record` with that element
    /// replaced.
    pub fn completed(&self, schema: &Schema, record: &Encoded, value: Value) -> Result<Value> {
        let Some(index) = self.index else {
            return Ok(value);
        };
        let Field { name, count, .. } = self.field;
        let values = schema.decode(record);
        let array = values.into_iter().find(|(known, _)| known == name);
        match array {
            Some((_, Value::List(mut elements))) if index < elements.len() => {
                elements[index] = value;
                Ok(Value::List(elements))
            }
            _ => Err(Failure::Failed(format!(
                "field {name} is unknown; give all its {count} elements"
            ))),
        }
    }
}

fn parse(field: &Field, text: &str) -> Result<Value> {
    let Field { name, kind, .. } = field;
    let reject = || {
        let message = format!("field {name} must be {kind} (got {text:?})");
        Err(Failure::Failed(message))
    };
    let too_large = || {
        let message = format!("field {name} is too large for {kind} (got {text:?})");
        Err(Failure::Failed(message))
    };
    // A number in digits is finite.
    let overflows = |value: &Value| {
        let is_infinite = value.number().is_some_and(f64::is_infinite);
        is_infinite && text.contains(|c: char| c.is_ascii_digit())
    };
    match kind.class() {
        TypeClass::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => {
                let message = format!("field {name} must be true or false (got {text:?})");
                Err(Failure::Failed(message))
            }
        },
        TypeClass::Float => {
            let value = if *kind == Type::F32 {
                text.parse().map(Value::F32)
            } else {
                text.parse().map(Value::Float)
            };
            match value {
                Ok(value) if overflows(&value) => too_large(),
                Ok(value) => Ok(value),
                Err(_) => reject(),
            }
        }
        TypeClass::Text => Ok(Value::Text(text.into())),
        TypeClass::Json => match json::check(text) {
            Ok(()) => Ok(Value::Text(text.into())),
            Err(error) => {
                let message = format!("field {name} is not valid JSON: {error}");
                Err(Failure::Failed(message))
            }
        },
        TypeClass::Bytes => Err(Failure::Failed(format!(
            "field {name} is bytes; publish them with --document FILE"
        ))),
        TypeClass::Integer => {
            let signed = text.parse().map(Value::Int);
            signed
                .or_else(|_| text.parse().map(Value::UInt))
                .or_else(|_| reject())
        }
    }
}

/// A value as text that [`FieldPath::parse`] takes.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::F32(value) if !value.is_finite() => json::beyond_json(f64::from(*value)).to_owned(),
        Value::Float(value) if !value.is_finite() => json::beyond_json(*value).to_owned(),
        // Debug has exponents where Display would fill lines with zeros.
        Value::F32(value) => decimal(&format!("{value:?}")),
        Value::Float(value) => decimal(&format!("{value:?}")),
        Value::List(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Text(_) | Value::Bytes(_) => {
            value.to_string()
        }
    }
}

fn decimal(text: &str) -> String {
    text.strip_suffix(".0").unwrap_or(text).to_owned()
}
