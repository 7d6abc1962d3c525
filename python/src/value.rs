//! Python objects to values and documents, and back.

use pegel::dynamic::{Encoded, Snapshot};
use pegel::{ErrorKind, Schema, Type, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyMemoryView,
    PyString, PyTuple,
};

use crate::error::{no_json, refuse};

/// The bytes of a record given as a mapping, or of a document.
pub fn encode(board: &str, schema: &Schema, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let document = |bytes| Encoded { bytes, present: 0 };
    match schema.document() {
        Some(Type::Json) => json(board, record).map(document),
        Some(_) => bytes(record).map(document),
        None => fields(board, schema, record),
    }
}

/// A record as Python sees it: a dict, a JSON document, or bytes.
pub fn decode<'py>(
    py: Python<'py>,
    document: Option<Type>,
    snapshot: &Snapshot,
) -> PyResult<Bound<'py, PyAny>> {
    let bytes = || PyBytes::new(py, snapshot.bytes());
    match document {
        Some(Type::Json) => py.import("json")?.call_method1("loads", (bytes(),)),
        Some(_) => Ok(bytes().into_any()),
        None => {
            let fields = PyDict::new(py);
            for (name, value) in snapshot.values() {
                fields.set_item(name, python(py, value)?)?;
            }
            Ok(fields.into_any())
        }
    }
}

/// The bytes of anything that has a buffer.
pub fn bytes(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    PyMemoryView::from(object)?
        .call_method0("tobytes")?
        .extract()
}

fn json(board: &str, document: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = document.py();
    let options = PyDict::new(py);
    // NaN and lone surrogates are no JSON for anybody else.
    options.set_item("allow_nan", false)?;
    options.set_item("ensure_ascii", false)?;
    options.set_item("separators", (",", ":"))?;
    let dumps = py.import("json")?.getattr("dumps")?;
    let text = dumps.call((document,), Some(&options));
    let encoded = text.and_then(|text| text.extract::<String>());
    encoded
        .map(String::into_bytes)
        .map_err(|cause| no_json(py, board, ErrorKind::InvalidArgument, "the document", cause))
}

fn fields(board: &str, schema: &Schema, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let mapping = record.cast::<PyMapping>().map_err(|_| {
        let given = kind(record);
        PyTypeError::new_err(format!(
            "board {board}: a record maps fields to values; {given} does not"
        ))
    })?;
    let items = mapping.items()?;
    let items = items.iter().map(|item| item.extract());
    let items: Vec<(String, Bound<'_, PyAny>)> = items.collect::<PyResult<_>>()?;
    let values = items.iter().map(|(name, object)| {
        let refuse = |reason: &str| {
            let reason = format!("field {name}: {reason}");
            refuse(board, ErrorKind::InvalidFields, reason)
        };
        Ok((&**name, value(object, &refuse)?))
    });
    let values: Vec<_> = values.collect::<PyResult<_>>()?;
    schema.encode(&values).map_err(|error| {
        // A FileNotFoundError would be a surprise here.
        let kind = match error.kind() {
            ErrorKind::NotFound => ErrorKind::InvalidFields,
            kind => kind,
        };
        refuse(board, kind, error)
    })
}

type Refuse<'a> = &'a dyn Fn(&str) -> PyErr;

/// The value of an object, whatever its field.
fn value(object: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyResult<Value> {
    if let Some(value) = scalar(object, refuse)? {
        return Ok(value);
    }
    let is_list = |object: &Bound<'_, PyAny>| {
        object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>()
    };
    let plain = if is_list(object) {
        object
    } else {
        &plain(object, refuse)?
    };
    if is_list(plain) {
        let values = plain
            .try_iter()?
            .map(|element| element_value(&element?, refuse));
        return values.collect::<PyResult<_>>().map(Value::List);
    }
    scalar(plain, refuse)?.ok_or_else(|| none(plain, refuse))
}

fn element_value(element: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyResult<Value> {
    if let Some(value) = scalar(element, refuse)? {
        return Ok(value);
    }
    scalar(&plain(element, refuse)?, refuse)?.ok_or_else(|| none(element, refuse))
}

/// What the arrays and scalars of numpy, array.array and memoryview are in Python's own types.
fn plain<'py>(object: &Bound<'py, PyAny>, refuse: Refuse<'_>) -> PyResult<Bound<'py, PyAny>> {
    match object.getattr_opt("tolist")? {
        Some(tolist) => tolist.call0(),
        None => Err(none(object, refuse)),
    }
}

fn none(object: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyErr {
    refuse(&format!("{} is no value of a field", kind(object)))
}

fn scalar(object: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyResult<Option<Value>> {
    Ok(Some(if object.is_none() {
        Value::Null
    } else if let Ok(flag) = object.cast::<PyBool>() {
        Value::Bool(flag.is_true())
    } else if object.is_instance_of::<PyInt>() {
        let signed = object.extract().map(Value::Int);
        let integer = signed.or_else(|_| object.extract().map(Value::UInt));
        integer.map_err(|_| refuse(&format!("{object} is beyond 64 bits")))?
    } else if let Ok(float) = object.cast::<PyFloat>() {
        Value::Float(float.value())
    } else if let Ok(text) = object.cast::<PyString>() {
        let text = text.extract().map(Value::Text);
        text.map_err(|error| refuse(&error.to_string()))?
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        Value::Bytes(bytes.as_bytes().into())
    } else if let Ok(bytes) = object.cast::<PyByteArray>() {
        Value::Bytes(bytes.to_vec())
    } else {
        return Ok(None);
    }))
}

/// The name of an object's class, for messages.
pub fn kind(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().name();
    name.map_or_else(|error| error.to_string(), |name| name.to_string())
}

fn python(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
        Value::Int(value) => value.into_pyobject(py)?.into_any(),
        Value::UInt(value) => value.into_pyobject(py)?.into_any(),
        Value::F32(value) => PyFloat::new(py, value.into()).into_any(),
        Value::Float(value) => PyFloat::new(py, value).into_any(),
        Value::Text(value) => PyString::new(py, &value).into_any(),
        Value::Bytes(value) => PyBytes::new(py, &value).into_any(),
        Value::List(values) => {
            let values = values.into_iter().map(|value| python(py, value));
            PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}
