//! Python objects to the bytes of a board's records.

use std::fmt::Display;

use pegel::dynamic::Encoded;
use pegel::{Error, ErrorKind, Type, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping};

use crate::error::{invalid_json, refuse};
use crate::layout::Layout;
use crate::schema;
use crate::value;

/// The bytes of a record, given as a mapping, an instance of a record class or a numpy scalar, or
/// of a document.
pub fn encode(layout: &Layout, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let document = |bytes| Encoded { bytes, present: 0 };
    match layout.schema.document() {
        Some(Type::Json) => json(&layout.board, record).map(document),
        Some(_) => value::bytes(record).map(document),
        None => fields(layout, record),
    }
}

fn json(board: &str, document: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = document.py();
    let kind = ErrorKind::InvalidArgument;
    let text = value::dumps(document)
        .map_err(|cause| invalid_json(py, board, kind, "the document", cause))?;
    Ok(text.into_bytes())
}

fn fields(layout: &Layout, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    if let Ok(dict) = record.cast_exact::<PyDict>() {
        return dict_fields(layout, dict);
    }
    if let Ok(mapping) = record.cast::<PyMapping>() {
        return named_fields(layout, &mapping.items()?);
    }
    if schema::of_class(&record.get_type())?.is_some() {
        return dict_fields(layout, record.getattr("__dict__")?.cast()?);
    }
    if let Some(bytes) = layout.numpy_bytes(record)? {
        let present = u64::MAX;
        return Ok(Encoded { bytes, present });
    }
    let (board, given) = (&layout.board, value::kind(record));
    Err(PyTypeError::new_err(format!(
        "board {board}: a record maps fields to values; {given} does not"
    )))
}

/// Looks up each field of the board in a dict, by the name that the layout keeps.
fn dict_fields(layout: &Layout, dict: &Bound<'_, PyDict>) -> PyResult<Encoded> {
    let py = dict.py();
    let mut values = Vec::with_capacity(layout.fields.len());
    let mut known = 0;
    for field in &layout.fields {
        let object = dict.get_item(field.name.bind(py))?;
        known += usize::from(object.is_some());
        let value = object.map(|object| named_value(layout, field.name.bind(py), &object));
        values.push(value.transpose()?);
    }
    if known < dict.len() {
        // Some name is not a field's: the error names it.
        return named_fields(layout, &dict.items());
    }
    let encoded = layout
        .schema
        .encode_in_order(values.iter().map(Option::as_ref));
    encoded.map_err(|error| unfit(layout, error))
}

fn named_fields(layout: &Layout, items: &Bound<'_, PyList>) -> PyResult<Encoded> {
    let items = items.iter().map(|item| item.extract());
    let items: Vec<(String, Bound<'_, PyAny>)> = items.collect::<PyResult<_>>()?;
    let values = items
        .iter()
        .map(|(name, object)| Ok((&**name, named_value(layout, name, object)?)));
    let values: Vec<_> = values.collect::<PyResult<_>>()?;
    let encoded = layout.schema.encode(&values);
    encoded.map_err(|error| unfit(layout, error))
}

fn named_value(layout: &Layout, name: impl Display, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    value::value(object, &|reason| {
        let reason = format!("field {name}: {reason}");
        refuse(&layout.board, ErrorKind::InvalidFields, reason)
    })
}

/// The exception for values that do not fit the board's fields.
fn unfit(layout: &Layout, error: Error) -> PyErr {
    let kind = match error.kind() {
        // A FileNotFoundError would mislead here: the board exists, a field does not.
        ErrorKind::NotFound => ErrorKind::InvalidFields,
        kind => kind,
    };
    refuse(&layout.board, kind, error)
}
