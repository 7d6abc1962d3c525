//! Writing: what a client changes of a board that is written by turns becomes one publication.

use std::time::Duration;

use opcua::types::{NumericRange, StatusCode, Variant};
use pegel::dynamic::{Encoded, Writer};
use pegel::{ErrorKind, Field, Schema, Type, Value};
use pegel_program::json;

use crate::values;

/// A field and what it is to be.
pub struct Change {
    pub field: String,
    pub value: Variant,
    /// The elements of an array that are meant, if not all.
    pub range: NumericRange,
}

/// Publishes the newest record with the changes, and says what became of each of them. Those that are good are
/// published together.
pub fn publish(board: &str, changes: &[Change], patience: Duration) -> Vec<StatusCode> {
    let all = |status| vec![status; changes.len()];
    match publish_fast(board, changes, patience) {
        Ok(statuses) => statuses,
        Err(error) => all(match error.kind() {
            ErrorKind::Locked => StatusCode::BadResourceUnavailable,
            ErrorKind::NotFound | ErrorKind::Gone => StatusCode::BadNodeIdUnknown,
            ErrorKind::TooLarge | ErrorKind::InvalidArgument => StatusCode::BadOutOfRange,
            _ => {
                // Nothing that a client could mend.
                eprintln!("pegel: cannot write what a client wrote: {error}");
                StatusCode::BadDeviceFailure
            }
        }),
    }
}

fn publish_fast(
    board: &str,
    changes: &[Change],
    patience: Duration,
) -> pegel::Result<Vec<StatusCode>> {
    let mut writer = Writer::open(board, Some(patience))?;
    let schema = writer.reader().schema().clone();
    let (mut record, mut missing) = match writer.reader().read() {
        Ok(snapshot) => (snapshot.encoded(), Vec::new()),
        Err(error) if error.kind() == ErrorKind::Empty => (schema.template(), needed(&schema)),
        Err(error) => return Err(error),
    };
    let mut statuses = Vec::new();
    for change in changes {
        let status = match apply(&schema, &mut record, change) {
            Ok(()) => {
                missing.retain(|name| *name != change.field);
                StatusCode::Good
            }
            Err(status) => status,
        };
        statuses.push(status);
    }
    if !statuses.contains(&StatusCode::Good) {
        return Ok(statuses);
    }
    if !missing.is_empty() {
        // The first record needs all fields.
        return Ok(vec![StatusCode::BadWaitingForInitialData; changes.len()]);
    }
    writer.publish(&record)?;
    Ok(statuses)
}

/// The fields that the first record cannot do without.
fn needed(schema: &Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    let needed = fields.filter(|field| !field.may_be_missing());
    needed.map(|field| field.name.clone()).collect()
}

/// A range that goes beyond the array, or is of another length than the value, would be done in part.
fn check_range(field: &Field, change: &Change) -> Result<(), StatusCode> {
    let (first, last) = match change.range {
        NumericRange::Index(index) => (index, index),
        NumericRange::Range(first, last) => (first, last),
        _ => return Err(StatusCode::BadWriteNotSupported),
    };
    if last >= field.count {
        return Err(StatusCode::BadIndexRangeNoData);
    }
    let given = match &change.value {
        Variant::Array(array) => array.values.len(),
        _ => 1,
    };
    let end = u32::try_from(given)
        .ok()
        .and_then(|given| first.checked_add(given));
    if end == Some(last + 1) {
        Ok(())
    } else {
        Err(StatusCode::BadIndexRangeDataMismatch)
    }
}

fn apply(schema: &Schema, record: &mut Encoded, change: &Change) -> Result<(), StatusCode> {
    let field = schema.field(&change.field);
    let field = field.map_err(|_| StatusCode::BadNodeIdUnknown)?;
    let whole = if change.range.is_none() {
        change.value.clone()
    } else {
        let values = schema.decode(&*record);
        let now = values.into_iter().find(|(name, _)| *name == field.name);
        let now = now.and_then(|(_, now)| values::variant(field, now));
        let mut whole = now.ok_or(StatusCode::BadIndexRangeNoData)?;
        check_range(field, change)?;
        whole.set_range_of(&change.range, &change.value)?;
        whole
    };
    let value = values::value(field, &whole).ok_or(StatusCode::BadTypeMismatch)?;
    if let (Type::Json, Value::Text(text)) = (field.kind, &value)
        && json::check(text).is_err()
    {
        return Err(StatusCode::BadTypeMismatch);
    }
    schema
        .set(record, &field.name, &value)
        .map_err(|_| StatusCode::BadOutOfRange)
}
