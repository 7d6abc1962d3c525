//! The fields of a board or of a record class, from and to Python.

use pegel::{Error, ErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyType};

use crate::error::{raise, refuse};
use crate::field::Field;
use crate::value;

/// The attribute in which a record class stores its schema.
const SCHEMA: &str = "__pegel_schema__";

/// The fields of a record class.
#[pyclass(frozen, module = "pegel._pegel")]
pub struct Schema(pub pegel::Schema);

#[pymethods]
impl Schema {
    #[new]
    fn new(name: &str, fields: &Bound<'_, PyDict>, description: &str) -> PyResult<Self> {
        let mut all = Vec::new();
        for (field_name, field) in fields {
            all.push(named(name, &field_name.extract::<String>()?, &field)?);
        }
        let refuse = |error: Error| raise(Error::new(error.kind(), format!("{name}: {error}")));
        let schema = pegel::Schema::new(all).and_then(|schema| schema.describe(description));
        let schema = schema.map_err(refuse)?;
        if schema.document().is_some() {
            let message =
                "a document cannot be a field of a record. Create its board with that field alone";
            return Err(refuse(Error::new(ErrorKind::InvalidFields, message)));
        }
        Ok(Self(schema))
    }

    /// The fields by name, in their order.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields(py, &self.0)
    }
}

/// The schema of a record class, or of the class of a record; `None` for other objects.
pub fn of_class<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, Schema>>> {
    let schema = class.getattr_opt(SCHEMA)?;
    Ok(schema.and_then(|schema| schema.cast_into().ok()))
}

/// The schema of a document's field, a record class or a mapping of fields, with more fields by
/// name appended.
pub fn schema(
    board: &str,
    schema: Option<&Bound<'_, PyAny>>,
    more: Option<&Bound<'_, PyDict>>,
    description: Option<&str>,
) -> PyResult<pegel::Schema> {
    let whose = format!("board {board}");
    let mut all = Vec::new();
    let mut own_description = String::new();
    let class = schema.and_then(|schema| schema.cast::<PyType>().ok());
    if let Some(record) = class.map(of_class).transpose()?.flatten() {
        let schema = &record.get().0;
        all.extend_from_slice(schema.fields());
        own_description = schema.description().into();
    } else if let Some(mapping) = schema.and_then(|schema| schema.cast::<PyMapping>().ok()) {
        for item in mapping.items()? {
            let (name, field): (String, Bound<'_, PyAny>) = item.extract()?;
            all.push(named(&whose, &name, &field)?);
        }
    } else if let Some(field) = schema {
        all.push(named(&whose, "document", field)?);
    }
    for (name, field) in more.into_iter().flatten() {
        all.push(named(&whose, &name.extract::<String>()?, &field)?);
    }
    let description = description.unwrap_or(&own_description);
    pegel::Schema::new(all)
        .and_then(|schema| schema.describe(description))
        .map_err(|error| refuse(board, error.kind(), error))
}

fn named(whose: &str, name: &str, field: &Bound<'_, PyAny>) -> PyResult<pegel::Field> {
    let field = field.cast::<Field>().map_err(|_| {
        let given = value::kind(field);
        PyTypeError::new_err(format!(
            "{whose}: {name} must be a pegel.Field, not {given}"
        ))
    })?;
    Ok(pegel::Field {
        name: name.into(),
        // It came with the offset of the schema that it is taken from.
        offset: 0,
        ..field.get().0.clone()
    })
}

/// The fields of a schema, by name, in their order.
pub fn fields<'py>(py: Python<'py>, schema: &pegel::Schema) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    for field in schema.fields() {
        fields.set_item(&field.name, Field(field.clone()))?;
    }
    Ok(fields)
}
