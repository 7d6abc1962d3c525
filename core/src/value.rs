//! Values by name: from and to the bytes of a record.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::field::{Field, Type};
use crate::schema::Schema;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A bool.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// A 32-bit float, kept apart because its shortest decimal is its own.
    F32(f32),
    /// A 64-bit float.
    Float(f64),
    /// A text, or a JSON document.
    Text(String),
    /// A document of bytes.
    Bytes(Vec<u8>),
    /// The elements of an array.
    List(Vec<Value>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => out.serialize_bool(*value),
            Self::Int(value) => out.serialize_i64(*value),
            Self::UInt(value) => out.serialize_u64(*value),
            Self::F32(value) => out.serialize_f32(*value),
            Self::Float(value) => out.serialize_f64(*value),
            Self::Text(value) => out.serialize_str(value),
            Self::Bytes(value) => out.serialize_bytes(value),
            Self::List(values) => out.collect_seq(values),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(out),
            Self::Int(value) => value.fmt(out),
            Self::UInt(value) => value.fmt(out),
            Self::F32(value) => value.fmt(out),
            Self::Float(value) => value.fmt(out),
            Self::Text(value) => value.fmt(out),
            Self::Bytes(value) => write!(out, "{} bytes", value.len()),
            Self::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(out, "{comma}{value}")?;
                }
                Ok(())
            }
        }
    }
}

impl Schema {
    /// The record of all fields' values, in any order.
    ///
    /// A field that is missing, unknown, given twice, of the wrong type, out of range or too long is
    /// an error that names it.
    pub fn encode(&self, values: &[(&str, Value)]) -> Result<Vec<u8>> {
        for (index, (name, _)) in values.iter().enumerate() {
            self.field(name)
                .map_err(|error| invalid(error.to_string()))?;
            if values[..index].iter().any(|(other, _)| other == name) {
                return Err(invalid(format!("field {name} is given twice")));
            }
        }
        let find = |field: &Field| {
            let found = values.iter().find(|(name, _)| *name == field.name);
            let message = || invalid(format!("field {} ({}) is missing", field.name, field.kind));
            found.map(|(_, value)| value).ok_or_else(message)
        };
        if self.document().is_some() {
            let field = &self.fields()[0];
            return document(field, find(field)?);
        }
        let mut record = vec![0; self.record_size()];
        for field in self.fields() {
            let place = &mut record[field.offset as usize..][..field.bytes_len()];
            match find(field)? {
                Value::List(values) if field.count > 1 && values.len() == field.count as usize => {
                    let elements = place.chunks_exact_mut(field.size as usize);
                    for (element, value) in elements.zip(values) {
                        store(field, value, element)?;
                    }
                }
                value if field.count == 1 => store(field, value, place)?,
                value => {
                    let given = match value {
                        Value::List(values) => format!("{} elements", values.len()),
                        _ => "one value".into(),
                    };
                    let Field {
                        name, kind, count, ..
                    } = field;
                    return Err(invalid(format!(
                        "field {name} is an array of {count} {kind}, not {given}"
                    )));
                }
            }
        }
        Ok(record)
    }

    /// The values of a record, in the fields' order. A record that is shorter than the schema's
    /// leaves out the fields that it does not hold.
    pub fn decode(&self, record: &[u8]) -> Vec<(&str, Value)> {
        let fields = self.fields().iter();
        let decoded = fields.map(|field| Some((&*field.name, self.decode_field(field, record)?)));
        decoded.flatten().collect()
    }

    /// The value of one field of a record; `None` when the record is too short to hold it.
    pub fn decode_field(&self, field: &Field, record: &[u8]) -> Option<Value> {
        match field.kind {
            Type::Json => Some(Value::Text(String::from_utf8_lossy(record).into_owned())),
            Type::Bytes => Some(Value::Bytes(record.to_vec())),
            _ => {
                let start = field.offset as usize;
                let bytes = record.get(start..start.checked_add(field.bytes_len())?)?;
                if field.count == 1 {
                    return load(field.kind, bytes);
                }
                let elements = bytes.chunks_exact(field.size as usize);
                let values = elements.map(|element| load(field.kind, element));
                values.collect::<Option<_>>().map(Value::List)
            }
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidFields, message)
}

fn document(field: &Field, value: &Value) -> Result<Vec<u8>> {
    let bytes = match (field.kind, value) {
        (Type::Json, Value::Text(text)) => text.as_bytes(),
        (Type::Bytes, Value::Bytes(bytes)) => bytes,
        _ => return Err(mismatch(field, value)),
    };
    if bytes.len() > field.size as usize {
        let (given, capacity) = (bytes.len(), field.size);
        let message = format!("the document has {given} bytes; the board holds {capacity}");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(bytes.to_vec())
}

fn store(field: &Field, value: &Value, place: &mut [u8]) -> Result<()> {
    macro_rules! integer {
        ($type:ty) => {{
            let converted = match value {
                Value::Int(value) => <$type>::try_from(*value).ok(),
                Value::UInt(value) => <$type>::try_from(*value).ok(),
                _ => return Err(mismatch(field, value)),
            };
            let converted = converted.ok_or_else(|| {
                let (name, kind, min, max) = (&field.name, field.kind, <$type>::MIN, <$type>::MAX);
                invalid(format!(
                    "field {name} is {kind}, {min} to {max}; {value} is outside"
                ))
            })?;
            place.copy_from_slice(&converted.to_ne_bytes());
        }};
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // what floats are for
    let float = || match value {
        Value::Int(value) => Ok(*value as f64),
        Value::UInt(value) => Ok(*value as f64),
        Value::F32(value) => Ok(f64::from(*value)),
        Value::Float(value) => Ok(*value),
        _ => Err(mismatch(field, value)),
    };
    match field.kind {
        Type::Bool => match value {
            Value::Bool(value) => place[0] = u8::from(*value),
            _ => return Err(mismatch(field, value)),
        },
        Type::I8 => integer!(i8),
        Type::U8 => integer!(u8),
        Type::I16 => integer!(i16),
        Type::U16 => integer!(u16),
        Type::I32 => integer!(i32),
        Type::U32 => integer!(u32),
        Type::I64 => integer!(i64),
        Type::U64 => integer!(u64),
        #[allow(clippy::cast_possible_truncation)] // rounds; beyond its range it becomes infinite
        Type::F32 => place.copy_from_slice(&(float()? as f32).to_ne_bytes()),
        Type::F64 => place.copy_from_slice(&float()?.to_ne_bytes()),
        Type::Text => {
            let Value::Text(text) = value else {
                return Err(mismatch(field, value));
            };
            let (name, given, room) = (&field.name, text.len(), field.size);
            if given > place.len() {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("field {name}: the text has {given} bytes; there is room for {room}"),
                ));
            }
            if text.contains('\0') {
                return Err(invalid(format!("field {name}: a text holds no NUL")));
            }
            place[..given].copy_from_slice(text.as_bytes());
        }
        Type::Json | Type::Bytes => return Err(mismatch(field, value)),
    }
    Ok(())
}

fn mismatch(field: &Field, value: &Value) -> Error {
    let given = match value {
        Value::Bool(_) => "a bool",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::F32(_) | Value::Float(_) => "a float",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "a list",
    };
    let Field { name, kind, .. } = field;
    invalid(format!("field {name} is {kind}, not {given}"))
}

fn load(kind: Type, bytes: &[u8]) -> Option<Value> {
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_ne_bytes(bytes.try_into().ok()?)
        };
    }
    Some(match kind {
        Type::Bool => Value::Bool(*bytes.first()? != 0),
        Type::I8 => Value::Int(number!(i8).into()),
        Type::U8 => Value::UInt(number!(u8).into()),
        Type::I16 => Value::Int(number!(i16).into()),
        Type::U16 => Value::UInt(number!(u16).into()),
        Type::I32 => Value::Int(number!(i32).into()),
        Type::U32 => Value::UInt(number!(u32).into()),
        Type::I64 => Value::Int(number!(i64)),
        Type::U64 => Value::UInt(number!(u64)),
        Type::F32 => Value::F32(number!(f32)),
        Type::F64 => Value::Float(number!(f64)),
        Type::Text => {
            let end = bytes.iter().position(|&byte| byte == 0);
            let text = &bytes[..end.unwrap_or(bytes.len())];
            Value::Text(String::from_utf8_lossy(text).into_owned())
        }
        Type::Json | Type::Bytes => return None,
    })
}
