//! `pegel.Field`.

use pegel::{Details, Error, ErrorKind, Type, Value};
use pyo3::prelude::*;

use crate::error::raise;
use crate::value;

/// One field of a board: its type, unit, shape and details and, in a board, its name and place.
#[pyclass(frozen, eq, module = "pegel")]
#[derive(PartialEq)]
pub struct Field(pub pegel::Field);

#[pymethods]
impl Field {
    #[new]
    #[pyo3(signature = (
        r#type, unit="", *, size=0, count=1, optional=false,
        default=None, min=None, max=None, label="", description="",
    ))]
    #[allow(clippy::too_many_arguments)] // named ones
    fn new(
        r#type: &str,
        unit: &str,
        size: u32,
        count: u32,
        optional: bool,
        default: Option<&Bound<'_, PyAny>>,
        min: Option<&Bound<'_, PyAny>>,
        max: Option<&Bound<'_, PyAny>>,
        label: &str,
        description: &str,
    ) -> PyResult<Self> {
        let kind: Type = r#type.parse().map_err(raise)?;
        if count == 0 {
            let message = format!("the count of a field must be at least 1 (got 0 of {kind})");
            return Err(raise(Error::new(ErrorKind::InvalidFields, message)));
        }
        let bring = |what: &str, object: Option<&Bound<'_, PyAny>>| {
            let value = object.map(|object| value::detail(kind, what, object));
            value.transpose()
        };
        let mut field = pegel::Field {
            optional,
            details: Details {
                label: label.into(),
                description: description.into(),
                default: bring("default", default)?,
                min: bring("minimum", min)?,
                max: bring("maximum", max)?,
            },
            ..pegel::Field::new("", kind).unit(unit).array(count)
        };
        if size != 0 {
            field.size = size;
        }
        Ok(Self(field))
    }

    /// Empty for a field that is not in a board yet.
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

    /// Whether it may be unknown, which is `None`.
    #[getter]
    fn optional(&self) -> bool {
        self.0.optional
    }

    /// The value until somebody publishes another, or `None`.
    #[getter]
    fn default<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.detail(py, self.0.details.default.as_ref())
    }

    /// The least value of each element, or `None`.
    #[getter]
    fn min<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.detail(py, self.0.details.min.as_ref())
    }

    /// The greatest value of each element, or `None`.
    #[getter]
    fn max<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.detail(py, self.0.details.max.as_ref())
    }

    /// The name for people; may be empty.
    #[getter]
    fn label(&self) -> &str {
        &self.0.details.label
    }

    /// What it means; may be empty.
    #[getter]
    fn description(&self) -> &str {
        &self.0.details.description
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let pegel::Field {
            name,
            unit,
            kind,
            size,
            count,
            offset,
            optional,
            details,
        } = &self.0;
        let mut arguments = vec![
            format!("{:?}, {unit:?}, size={size}, count={count}", kind.name()),
            format!("name={name:?}, offset={offset}"),
        ];
        if *optional {
            arguments.push("optional=True".into());
        }
        for (name, value) in [
            ("default", &details.default),
            ("min", &details.min),
            ("max", &details.max),
        ] {
            if let Some(value) = self.detail(py, value.as_ref())? {
                arguments.push(format!("{name}={}", value.repr()?));
            }
        }
        for (name, text) in [
            ("label", &details.label),
            ("description", &details.description),
        ] {
            if !text.is_empty() {
                arguments.push(format!("{name}={text:?}"));
            }
        }
        Ok(format!("pegel.Field({})", arguments.join(", ")))
    }
}

impl Field {
    fn detail<'py>(
        &self,
        py: Python<'py>,
        value: Option<&Value>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let object = value.map(|value| match (self.0.kind, value) {
            (Type::Json, Value::Text(text)) => value::loads(text.into_pyobject(py)?.as_any()),
            _ => value::object(py, value),
        });
        object.transpose()
    }
}
