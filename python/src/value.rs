//! Python objects to values and documents, and back.

use pegel::dynamic::Encoded;
use pegel::{Error, ErrorKind, Type, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyMemoryView,
    PyString, PyTuple,
};

use crate::error::{no_json, raise, refuse};
use crate::layout::Layout;
use crate::schema;

/// The bytes of a record given as a mapping or an instance of a record class, or of a document.
pub fn encode(layout: &Layout, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let document = |bytes| Encoded { bytes, present: 0 };
    match layout.schema.document() {
        Some(Type::Json) => json(&layout.board, record).map(document),
        Some(_) => bytes(record).map(document),
        None => fields(layout, record),
    }
}

/// A default or limit of a field that has no name yet.
pub fn detail(kind: Type, what: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let refuse = |reason: &str| {
        let message = format!("the {what} of a field: {reason}");
        raise(Error::new(ErrorKind::InvalidFields, message))
    };
    match kind {
        Type::Json => {
            let text =
                dumps(object).map_err(|cause| refuse(&cause.value(object.py()).to_string()))?;
            Ok(Value::Text(text))
        }
        _ => value(object, &refuse),
    }
}

/// What a JSON text says.
pub fn loads<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = text.py();
    py.import("json")?.call_method1("loads", (text,))
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
    let refuse = |cause| no_json(py, board, ErrorKind::InvalidArgument, "the document", cause);
    Ok(dumps(document).map_err(refuse)?.into_bytes())
}

/// An object's JSON text.
fn dumps(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = object.py();
    let options = PyDict::new(py);
    // NaN and lone surrogates are no JSON for anybody else.
    options.set_item("allow_nan", false)?;
    options.set_item("ensure_ascii", false)?;
    options.set_item("separators", (",", ":"))?;
    let dumps = py.import("json")?.getattr("dumps")?;
    dumps.call((object,), Some(&options))?.extract()
}

fn fields(layout: &Layout, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
    let board = &layout.board;
    let values = match record.cast::<PyMapping>() {
        Ok(mapping) => mapping.clone(),
        Err(_) if schema::of_class(&record.get_type())?.is_some() => {
            record.getattr("__dict__")?.cast_into()?
        }
        Err(_) => {
            if let Some(bytes) = layout.numpy_bytes(record)? {
                return Ok(Encoded {
                    bytes,
                    present: u64::MAX,
                });
            }
            let given = kind(record);
            return Err(PyTypeError::new_err(format!(
                "board {board}: a record maps fields to values; {given} does not"
            )));
        }
    };
    let items = values.items()?;
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
    layout.schema.encode(&values).map_err(|error| {
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

/// A value as Python sees it.
pub fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Int(value) => value.into_pyobject(py)?.into_any(),
        Value::UInt(value) => value.into_pyobject(py)?.into_any(),
        Value::F32(value) => PyFloat::new(py, (*value).into()).into_any(),
        Value::Float(value) => PyFloat::new(py, *value).into_any(),
        Value::Text(value) => PyString::new(py, value).into_any(),
        Value::Bytes(value) => PyBytes::new(py, value).into_any(),
        Value::List(values) => {
            let values = values.iter().map(|value| object(py, value));
            PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}
