//! Storing values in the bytes of elements and loading them, with an error for a value that does
//! not fit.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::field::Field;
use crate::schema::nesting;
use crate::schema::types::{Type, TypeClass};
use crate::schema::value::Value;

/// A value as a record would store it, for defaults and limits.
pub(crate) fn canonical(field: &Field, value: &Value) -> Result<Value> {
    match field.kind.class() {
        TypeClass::Json => nesting::check(document(field, value)?).map(|()| value.clone()),
        TypeClass::Bytes => {
            let value = bytes_of(value).unwrap_or_else(|| value.clone());
            document(field, &value)?;
            Ok(value)
        }
        TypeClass::Bool | TypeClass::Integer | TypeClass::Float | TypeClass::Text => {
            canonical_elements(field, value)
        }
    }
}

/// Bytes from JSON or TOML, in which they are a text or a list of integers.
fn bytes_of(value: &Value) -> Option<Value> {
    let byte = |value: &Value| u8::try_from(value.integer()?).ok();
    match value {
        Value::Text(text) => Some(Value::Bytes(text.clone().into_bytes())),
        Value::List(values) => values
            .iter()
            .map(byte)
            .collect::<Option<_>>()
            .map(Value::Bytes),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::F32(_)
        | Value::Float(_)
        | Value::Bytes(_) => None,
    }
}

fn canonical_elements(field: &Field, value: &Value) -> Result<Value> {
    // Nothing is allocated by the size of the field, which is not checked against the file yet.
    let of_element = |value: &Value| {
        if field.kind == Type::Text {
            return check_text(field, value).map(Into::into);
        }
        let mut place = vec![0; field.size as usize];
        store(field, value, &mut place)?;
        load(field.kind, &place).ok_or_else(|| mismatch(field, value))
    };
    match elements(field, value)? {
        [only] if field.count == 1 => of_element(only),
        all => all
            .iter()
            .map(of_element)
            .collect::<Result<_>>()
            .map(Value::List),
    }
}

pub(crate) fn load_field(field: &Field, record: &[u8]) -> Option<Value> {
    match field.kind.class() {
        TypeClass::Json => Some(Value::Text(String::from_utf8_lossy(record).into_owned())),
        TypeClass::Bytes => Some(Value::Bytes(record.to_vec())),
        TypeClass::Bool | TypeClass::Integer | TypeClass::Float | TypeClass::Text => {
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

pub(crate) fn store_field(field: &Field, value: &Value, place: &mut [u8]) -> Result<()> {
    let places = place.chunks_exact_mut(field.size as usize);
    for (element, value) in places.zip(elements(field, value)?) {
        store(field, value, element)?;
    }
    Ok(())
}

/// The values of a field's elements.
fn elements<'value>(field: &Field, value: &'value Value) -> Result<&'value [Value]> {
    let given = match value {
        value if field.count == 1 => return Ok(std::slice::from_ref(value)),
        Value::List(values) if values.len() == field.count as usize => return Ok(values),
        Value::List(values) => format!("{} elements", values.len()),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::F32(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_) => "one value".into(),
    };
    let Field {
        name, kind, count, ..
    } = field;
    Err(invalid(format!(
        "field {name} must be an array of {count} {kind} (got {given})"
    )))
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidFields, message)
}

/// The bytes of a document; `TOO_LARGE` if it exceeds the capacity.
pub(crate) fn document<'a>(field: &Field, value: &'a Value) -> Result<&'a [u8]> {
    let is = |kind| field.kind == kind;
    let bytes = match value {
        Value::Text(text) if is(Type::Json) => text.as_bytes(),
        Value::Bytes(bytes) if is(Type::Bytes) => bytes,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::F32(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::List(_) => return Err(mismatch(field, value)),
    };
    if bytes.len() > field.size as usize {
        let (given, capacity) = (bytes.len(), field.size);
        let message = format!("the document must have at most {capacity} bytes (got {given})");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(bytes)
}

fn store(field: &Field, value: &Value, place: &mut [u8]) -> Result<()> {
    put(field, value, place)?;
    let (min, max) = (&field.details.min, &field.details.max);
    if min.is_none() && max.is_none() {
        return Ok(());
    }
    // As stored, so that a narrow float can reach its limit.
    let stored = load(field.kind, place).unwrap_or(Value::Null);
    let is_above = |limit: &Value| compare(&stored, limit).is_some_and(Ordering::is_ge);
    let is_below = |limit: &Value| compare(&stored, limit).is_some_and(Ordering::is_le);
    if min.as_ref().is_none_or(is_above) && max.as_ref().is_none_or(is_below) {
        return Ok(());
    }
    let (name, unit) = (&field.name, &field.unit);
    let limits = match (min, max) {
        (Some(min), Some(max)) => format!("between {min} and {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.as_ref().unwrap_or(&Value::Null)),
    };
    let space = if unit.is_empty() { "" } else { " " };
    Err(invalid(format!(
        "field {name} must be {limits}{space}{unit} (got {value})"
    )))
}

/// The order of two values of one type.
pub(crate) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => one.partial_cmp(other),
        (Value::UInt(one), Value::UInt(other)) => one.partial_cmp(other),
        (Value::F32(one), Value::F32(other)) => one.partial_cmp(other),
        (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
        _ => None,
    }
}

fn put(field: &Field, value: &Value, place: &mut [u8]) -> Result<()> {
    macro_rules! integer {
        ($type:ty) => {{
            let integer = value.integer().ok_or_else(|| mismatch(field, value))?;
            let converted = <$type>::try_from(integer).map_err(|_| {
                let (name, kind, min, max) = (&field.name, field.kind, <$type>::MIN, <$type>::MAX);
                invalid(format!(
                    "field {name} must be {kind}, {min} to {max} (got {value})"
                ))
            })?;
            place.copy_from_slice(&converted.to_ne_bytes());
        }};
    }
    match field.kind {
        Type::Bool => {
            let Value::Bool(value) = value else {
                return Err(mismatch(field, value));
            };
            place[0] = u8::from(*value);
        }
        Type::I8 => integer!(i8),
        Type::U8 => integer!(u8),
        Type::I16 => integer!(i16),
        Type::U16 => integer!(u16),
        Type::I32 => integer!(i32),
        Type::U32 => integer!(u32),
        Type::I64 => integer!(i64),
        Type::U64 => integer!(u64),
        #[allow(clippy::cast_possible_truncation)] // rounds; beyond its range it becomes infinite
        Type::F32 => place.copy_from_slice(&(float(field, value)? as f32).to_ne_bytes()),
        Type::F64 => place.copy_from_slice(&float(field, value)?.to_ne_bytes()),
        Type::Text => {
            let text = check_text(field, value)?.as_bytes();
            place[..text.len()].copy_from_slice(text);
            place[text.len()..].fill(0);
        }
        Type::Json | Type::Bytes => return Err(mismatch(field, value)),
    }
    Ok(())
}

/// The number of a value for a field of floats. An integer must be exact; a float may be rounded to
/// an f32.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // compared below
fn float(field: &Field, value: &Value) -> Result<f64> {
    let number = value.number().ok_or_else(|| mismatch(field, value))?;
    let Some(integer) = value.integer() else {
        return Ok(number);
    };
    let float = if field.kind == Type::F32 {
        f64::from(integer as f32)
    } else {
        number
    };
    if float as i128 == integer {
        return Ok(float);
    }
    let Field { name, kind, .. } = field;
    Err(invalid(format!(
        "field {name}: {kind} cannot hold the integer {integer} exactly. Pass a float to round it."
    )))
}

/// The text of a value; `TOO_LARGE` if it exceeds the field.
fn check_text<'a>(field: &Field, value: &'a Value) -> Result<&'a str> {
    let Value::Text(text) = value else {
        return Err(mismatch(field, value));
    };
    let (name, given, room) = (&field.name, text.len(), field.size);
    if given > room as usize {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("field {name}: the text must have at most {room} bytes (got {given})"),
        ));
    }
    if text.contains('\0') {
        return Err(invalid(format!("field {name}: text must not contain NUL")));
    }
    Ok(text)
}

fn mismatch(field: &Field, value: &Value) -> Error {
    let given = match value {
        Value::Null => "unknown",
        Value::Bool(_) => "a bool",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::F32(_) | Value::Float(_) => "a float",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "a list",
    };
    let Field { name, kind, .. } = field;
    invalid(format!("field {name} must be {kind} (got {given})"))
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
