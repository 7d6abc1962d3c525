//! Python objects to values and documents, and back.

use pegel::{ErrorKind, Schema, Snapshot, Type, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyMemoryView,
    PyString, PyTuple,
};

use crate::error::refuse;

/// The bytes of a record given as a mapping, or of a document.
pub fn encode(board: &str, schema: &Schema, record: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match schema.document() {
        Some(Type::Json) => json(board, record),
        Some(_) => bytes(record),
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
    encoded.map(String::into_bytes).map_err(|cause| {
        let reason = format!("the document is no JSON: {}", cause.value(py));
        let error = refuse(board, ErrorKind::InvalidArgument, reason);
        error.set_cause(py, Some(cause));
        error
    })
}

fn fields(board: &str, schema: &Schema, record: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mapping = record.cast::<PyMapping>().map_err(|_| {
        let given = kind(record);
        PyTypeError::new_err(format!(
            "board {board}: a record maps fields to values; {given} does not"
        ))
    })?;
    let mut values = Vec::with_capacity(schema.fields().len());
    for item in mapping.items()? {
        let (name, object): (String, Bound<'_, PyAny>) = item.extract()?;
        let value = value(&object).map_err(|reason| {
            refuse(
                board,
                ErrorKind::InvalidFields,
                format!("field {name}: {reason}"),
            )
        })?;
        values.push((name, value));
    }
    let values: Vec<_> = values
        .iter()
        .map(|(name, value)| (&**name, value.clone()))
        .collect();
    schema.encode(&values).map_err(|error| {
        // A FileNotFoundError would be a surprise here.
        let kind = match error.kind() {
            ErrorKind::NotFound => ErrorKind::InvalidFields,
            kind => kind,
        };
        refuse(board, kind, error)
    })
}

/// The value of an object, whatever its field; or what is wrong with it.
fn value(object: &Bound<'_, PyAny>) -> Result<Value, String> {
    if let Ok(flag) = object.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        let signed = object.extract().map(Value::Int);
        return signed
            .or_else(|_| object.extract().map(Value::UInt))
            .map_err(|_| format!("{object} is beyond 64 bits"));
    }
    if let Ok(float) = object.cast::<PyFloat>() {
        return Ok(Value::Float(float.value()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return text
            .extract()
            .map(Value::Text)
            .map_err(|error| error.to_string());
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Value::Bytes(bytes.as_bytes().into()));
    }
    if let Ok(bytes) = object.cast::<PyByteArray>() {
        return Ok(Value::Bytes(bytes.to_vec()));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        let elements = object.try_iter().map_err(|error| error.to_string())?;
        let values = elements.map(|element| value(&element.map_err(|error| error.to_string())?));
        return values.collect::<Result<_, _>>().map(Value::List);
    }
    // The arrays and scalars of numpy, array.array and memoryview.
    if let Ok(plain) = object.call_method0("tolist") {
        return value(&plain);
    }
    Err(format!("{} is no value of a field", kind(object)))
}

/// The name of an object's class, for messages.
pub fn kind(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().name();
    name.map_or_else(|error| error.to_string(), |name| name.to_string())
}

fn python(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
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
