//! Python objects to values of fields, JSON texts and bytes, and back.

use pegel::{Error, ErrorKind, Type, Value};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple,
};

use crate::error::raise;

/// A default or limit of a field that has no name yet.
pub fn detail(kind: Type, what: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let refuse = |reason: &str| {
        let message = format!("the {what} of a field: {reason}");
        raise(Error::new(ErrorKind::InvalidFields, message))
    };
    if kind != Type::Json {
        return value(object, &refuse);
    }
    let text = dumps(object).map_err(|cause| refuse(&cause.value(object.py()).to_string()))?;
    Ok(Value::Text(text))
}

/// The Python object of a JSON text.
pub fn loads<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = text.py();
    py.import("json")?.call_method1("loads", (text,))
}

/// The bytes of any object that has a buffer.
pub fn bytes(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    PyMemoryView::from(object)?
        .call_method0("tobytes")?
        .extract()
}

/// The JSON text of an object.
pub fn dumps(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = object.py();
    let options = PyDict::new(py);
    // Other programs cannot parse NaN and lone surrogates.
    options.set_item("allow_nan", false)?;
    options.set_item("ensure_ascii", false)?;
    options.set_item("separators", (",", ":"))?;
    let dumps = py.import("json")?.getattr("dumps")?;
    dumps.call((object,), Some(&options))?.extract()
}

/// Makes the exception for a reason.
type Refuse<'a> = &'a dyn Fn(&str) -> PyErr;

/// The value of an object, for a field of any type.
pub fn value(object: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyResult<Value> {
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
    scalar(plain, refuse)?.ok_or_else(|| unsupported(plain, refuse))
}

fn element_value(element: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyResult<Value> {
    if let Some(value) = scalar(element, refuse)? {
        return Ok(value);
    }
    scalar(&plain(element, refuse)?, refuse)?.ok_or_else(|| unsupported(element, refuse))
}

/// Arrays and scalars of numpy, an array.array or a memoryview, in Python's own types.
fn plain<'py>(object: &Bound<'py, PyAny>, refuse: Refuse<'_>) -> PyResult<Bound<'py, PyAny>> {
    match object.getattr_opt("tolist")? {
        Some(tolist) => tolist.call0(),
        None => Err(unsupported(object, refuse)),
    }
}

fn unsupported(object: &Bound<'_, PyAny>, refuse: Refuse<'_>) -> PyErr {
    refuse(&format!(
        "a {} cannot be the value of a field",
        kind(object)
    ))
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

/// The Python object of a value.
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

/// An object of a JSON document with its own lists and dicts, for a caller that can change it.
pub fn copied<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if let Ok(dict) = object.cast_exact::<PyDict>() {
        let copy = PyDict::new(py);
        for (name, value) in dict {
            copy.set_item(name, copied(&value)?)?;
        }
        return Ok(copy.into_any());
    }
    if let Ok(list) = object.cast_exact::<PyList>() {
        let copy = list.iter().map(|value| copied(&value));
        return Ok(PyList::new(py, copy.collect::<PyResult<Vec<_>>>()?)?.into_any());
    }
    Ok(object.clone())
}
