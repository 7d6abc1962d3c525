//! Writing: the values that one request writes to a shared board are published as one record, or
//! not at all.

use std::time::Duration;

use opcua::types::{NumericRange, StatusCode, Variant};
use pegel::dynamic::Writer;
use pegel::{ErrorKind, Field, Schema, Type, Value};
use pegel_program::change::{self, Change, New};
use pegel_program::json;
use pegel_program::status::log;

use crate::values;

/// The status of a good value whose request is rejected because of another value.
pub const NOT_APPLIED: StatusCode = StatusCode::BadRequestNotAllowed;

/// A value that a client writes.
pub struct Write {
    pub field: String,
    pub value: Variant,
    /// The elements of an array; without a range, all.
    pub range: NumericRange,
}

/// Publishes the newest record with the values, and returns the status of each.
pub fn publish(board: &str, writes: &[Write], timeout: Duration) -> Vec<StatusCode> {
    let all = |status| vec![status; writes.len()];
    match try_publish(board, writes, timeout) {
        Ok(statuses) => statuses,
        Err(error) => all(match error.kind() {
            ErrorKind::Locked => StatusCode::BadResourceUnavailable,
            ErrorKind::NotFound | ErrorKind::Gone => StatusCode::BadNodeIdUnknown,
            ErrorKind::TooLarge | ErrorKind::InvalidArgument => StatusCode::BadOutOfRange,
            _ => {
                // The operator can act on it, and the client cannot: so it is logged.
                log(&format!(
                    "board {board}: cannot publish the values of a client: {error}"
                ));
                StatusCode::BadDeviceFailure
            }
        }),
    }
}

fn try_publish(board: &str, given: &[Write], timeout: Duration) -> pegel::Result<Vec<StatusCode>> {
    let mut writer = Writer::open(board, Some(timeout))?;
    let schema = writer.reader().schema();
    let mut statuses = vec![StatusCode::Good; given.len()];
    // The changes, and the write that each belongs to.
    let (mut changes, mut owners) = (Vec::new(), Vec::new());
    for (index, value) in given.iter().enumerate() {
        match value.changes(schema) {
            Ok(new) => {
                owners.extend(new.iter().map(|_| index));
                changes.extend(new);
            }
            Err(status) => statuses[index] = status,
        }
    }
    let newest = change::newest(writer.reader())?;
    match change::apply(schema, newest, &changes) {
        Ok(record) if statuses.iter().all(StatusCode::is_good) => {
            writer.publish(&record)?;
            return Ok(statuses);
        }
        Ok(_) => {}
        Err(faults) => {
            let is_incomplete = faults.iter().any(|fault| fault.change.is_none());
            for index in faults.iter().filter_map(|fault| fault.change) {
                statuses[owners[index]] = StatusCode::BadOutOfRange;
            }
            if is_incomplete {
                // The first record needs all fields.
                replace_good(&mut statuses, StatusCode::BadWaitingForInitialData);
            }
        }
    }
    replace_good(&mut statuses, NOT_APPLIED);
    Ok(statuses)
}

fn replace_good(statuses: &mut [StatusCode], status: StatusCode) {
    for good in statuses.iter_mut().filter(|status| status.is_good()) {
        *good = status;
    }
}

impl Write {
    fn changes(&self, schema: &Schema) -> Result<Vec<Change>, StatusCode> {
        let field = schema.field(&self.field);
        let field = field.map_err(|_| StatusCode::BadNodeIdUnknown)?;
        if !self.range.is_none() {
            return self.elements(field);
        }
        let value = values::value(field, &self.value).ok_or(StatusCode::BadTypeMismatch)?;
        if let (Type::Json, Value::Text(text)) = (field.kind, &value)
            && json::check(text).is_err()
        {
            return Err(StatusCode::BadTypeMismatch);
        }
        Ok(vec![Change {
            target: field.name.clone(),
            value: New::Value(value),
        }])
    }

    /// The elements of a range. A range that exceeds the array, or has another length than the
    /// value, is rejected: the library would apply a part of it.
    fn elements(&self, field: &Field) -> Result<Vec<Change>, StatusCode> {
        let (first, last) = match self.range {
            NumericRange::Index(index) => (index, index),
            NumericRange::Range(first, last) => (first, last),
            _ => return Err(StatusCode::BadWriteNotSupported),
        };
        if last >= field.count || field.count == 1 {
            return Err(StatusCode::BadIndexRangeNoData);
        }
        let values = values::elements(field, &self.value).ok_or(StatusCode::BadTypeMismatch)?;
        if (first..=last).count() != values.len() {
            return Err(StatusCode::BadIndexRangeDataMismatch);
        }
        let changes = (first..=last).zip(values).map(|(index, value)| Change {
            target: format!("{}.{index}", field.name),
            value: New::Value(value),
        });
        Ok(changes.collect())
    }
}
