//! `pegel.Field`.

use pegel::{Error, ErrorKind, Schema, Type};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::error::{raise, refuse};
use crate::value;

/// One field of a board: its type, unit and shape, and once it is a board's also name and place.
#[pyclass(frozen, eq, module = "pegel")]
#[derive(PartialEq)]
pub struct Field(pegel::Field);

#[pymethods]
impl Field {
    #[new]
    #[pyo3(signature = (r#type, unit="", *, size=0, count=1))]
    fn new(r#type: &str, unit: &str, size: u32, count: u32) -> PyResult<Self> {
        let kind: Type = r#type.parse().map_err(raise)?;
        if count == 0 {
            let message = format!("a field has at least one {kind}; count is 0");
            return Err(raise(Error::new(ErrorKind::InvalidFields, message)));
        }
        let mut field = pegel::Field::new("", kind).unit(unit).array(count);
        if size != 0 {
            field.size = size;
        }
        Ok(Self(field))
    }

    /// Empty until it is a board's.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// As in `f64`, `text`, `json`.
    #[getter]
    fn r#type(&self) -> &str {
        self.0.kind.name()
    }

    /// What the number counts; may be empty.
    #[getter]
    fn unit(&self) -> &str {
        &self.0.unit
    }

    /// Bytes of one element; a document's capacity.
    #[getter]
    fn size(&self) -> u32 {
        self.0.size
    }

    /// Elements; 1 is a plain value, more are a tuple.
    #[getter]
    fn count(&self) -> u32 {
        self.0.count
    }

    /// Bytes from the record's start.
    #[getter]
    fn offset(&self) -> u32 {
        self.0.offset
    }

    fn __repr__(&self) -> String {
        let pegel::Field {
            name,
            unit,
            kind,
            size,
            count,
            offset,
            ..
        } = &self.0;
        format!(
            "pegel.Field({:?}, {unit:?}, size={size}, count={count}, name={name:?}, offset={offset})",
            kind.name()
        )
    }
}

/// The schema of a document's field, or of a mapping of fields and more fields by name.
pub fn schema(
    board: &str,
    schema: Option<&Bound<'_, PyAny>>,
    named: Option<&Bound<'_, PyDict>>,
) -> PyResult<Schema> {
    let mut fields = Vec::new();
    let mut add = |name: &str, field: &Bound<'_, PyAny>| {
        let field = field.cast::<Field>().map_err(|_| {
            let given = value::kind(field);
            PyTypeError::new_err(format!(
                "board {board}: {name} is to be a pegel.Field, not {given}"
            ))
        })?;
        fields.push(pegel::Field {
            name: name.into(),
            ..field.get().0.clone()
        });
        PyResult::Ok(())
    };
    if let Some(schema) = schema {
        if let Ok(mapping) = schema.cast::<PyMapping>() {
            for item in mapping.items()? {
                let (name, field): (String, Bound<'_, PyAny>) = item.extract()?;
                add(&name, &field)?;
            }
        } else {
            add("document", schema)?;
        }
    }
    for (name, field) in named.into_iter().flatten() {
        add(&name.extract::<String>()?, &field)?;
    }
    Schema::new(fields).map_err(|error| refuse(board, error.kind(), error))
}

/// The fields of a board, by name, in their order.
pub fn fields<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    for field in schema.fields() {
        fields.set_item(&field.name, Field(field.clone()))?;
    }
    Ok(fields)
}
