//! Checks that the default and the limits of a field are values of its type.

use std::cmp::Ordering;

use serde::de::IgnoredAny;

use crate::error::Result;
use crate::schema::details::{Details, refuse};
use crate::schema::element::{canonical, compare};
use crate::schema::field::Field;
use crate::schema::types::Type;
use crate::schema::value::Value;

/// Checks default and limits, and converts them to the field's type.
pub fn check(field: &mut Field) -> Result<()> {
    if field.details.is_empty() {
        return Ok(());
    }
    let details = std::mem::take(&mut field.details);
    let element = Field {
        count: 1,
        ..field.clone()
    };
    field.details = Details {
        min: coerced("minimum", &element, details.min)?,
        max: coerced("maximum", &element, details.max)?,
        ..Details::default()
    };
    let name = &field.name;
    if let (Some(min), Some(max)) = (&field.details.min, &field.details.max)
        && compare(min, max).is_some_and(Ordering::is_gt)
    {
        return Err(refuse(&format!(
            "field {name}: no value is between {min} and {max}"
        )));
    }
    let default = coerced("default", field, details.default)?;
    if field.kind == Type::Json
        && let Some(Value::Text(text)) = &default
        && let Err(error) = serde_json::from_str::<IgnoredAny>(text)
    {
        return Err(refuse(&format!("the default is not valid JSON: {error}")));
    }
    field.details = Details {
        default,
        label: details.label,
        description: details.description,
        ..std::mem::take(&mut field.details)
    };
    Ok(())
}

/// Converts a value to the field's type.
fn coerced(what: &str, field: &Field, value: Option<Value>) -> Result<Option<Value>> {
    let Some(value) = value.filter(|value| *value != Value::Null) else {
        return Ok(None);
    };
    let value =
        canonical(field, &value).map_err(|error| refuse(&format!("the {what}: {error}")))?;
    // JSON has no other numbers, and no value is within limits that are not numbers.
    if is_finite(&value) {
        return Ok(Some(value));
    }
    let name = &field.name;
    Err(refuse(&format!(
        "field {name}: the {what} must be finite (got {value})"
    )))
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::F32(value) => value.is_finite(),
        Value::Float(value) => value.is_finite(),
        Value::List(values) => values.iter().all(is_finite),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Text(_)
        | Value::Bytes(_) => true,
    }
}
