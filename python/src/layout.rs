//! How the records of a board become Python objects: planned once, when the board is opened.

use std::ops::Range;

use pegel::{ErrorKind, Type};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyString, PyTuple};

use crate::error::refuse;
use crate::schema;
use crate::value;

/// The fields of a board's records.
pub struct Layout {
    pub board: String,
    pub schema: pegel::Schema,
    pub fields: Vec<FieldLayout>,
    /// Every name with None: copying it is cheaper than building it.
    unknown: Py<PyDict>,
    dtype: PyOnceLock<Py<PyAny>>,
}

/// Where a field is in a record.
pub struct FieldLayout {
    pub name: Py<PyString>,
    kind: Type,
    range: Range<usize>,
    /// Bytes of one element.
    size: usize,
    is_array: bool,
    /// The bit of an optional field that is set while its value is known.
    presence: Option<u64>,
}

impl Layout {
    pub fn new(py: Python<'_>, reader: &pegel::dynamic::Reader) -> PyResult<Self> {
        let schema = reader.schema().clone();
        let unknown = PyDict::new(py);
        let mut fields = Vec::with_capacity(schema.fields().len());
        for (index, field) in schema.fields().iter().enumerate() {
            let name = PyString::intern(py, &field.name);
            unknown.set_item(&name, py.None())?;
            let start = field.offset as usize;
            fields.push(FieldLayout {
                name: name.unbind(),
                kind: field.kind,
                range: start..start + field.bytes_len(),
                size: field.size as usize,
                is_array: field.count > 1,
                presence: schema.presence(index),
            });
        }
        Ok(Self {
            board: reader.board().into(),
            schema,
            fields,
            unknown: unknown.unbind(),
            dtype: PyOnceLock::new(),
        })
    }

    /// The Python object of a record: a dict, the value of a JSON document, or bytes.
    pub fn decode<'py>(
        &self,
        record: &Bound<'py, PyBytes>,
        present: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.schema.document() {
            Some(Type::Json) => value::loads(record),
            Some(_) => Ok(record.clone().into_any()),
            None => Ok(self.dict(record, present)?.into_any()),
        }
    }

    fn dict<'py>(
        &self,
        record: &Bound<'py, PyBytes>,
        present: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (py, record) = (record.py(), record.as_bytes());
        let dict = self.unknown.bind(py).copy()?;
        let is_known = |field: &&FieldLayout| field.presence.is_none_or(|bit| present & bit != 0);
        for field in self.fields.iter().filter(is_known) {
            if let Some(bytes) = record.get(field.range.clone()) {
                dict.set_item(field.name.bind(py), field.object(py, bytes)?)?;
            }
        }
        Ok(dict)
    }

    /// A record's fields in another version of its schema.
    pub fn convert<'py>(
        &self,
        fields: &Bound<'py, PyDict>,
        wanted: &pegel::Schema,
    ) -> PyResult<Bound<'py, PyDict>> {
        let refuse = |reason: String| {
            let reason = format!("its records are not of that class: {reason}");
            refuse(&self.board, ErrorKind::InvalidFields, reason)
        };
        let difference = || self.schema.difference(wanted).unwrap_or_default();
        let common = self.schema.common(wanted);
        let common = common.ok_or_else(|| refuse(difference()))?;
        let converted = PyDict::new(fields.py());
        for (index, field) in wanted.fields().iter().enumerate() {
            if index >= common && !field.may_be_missing() {
                return Err(refuse(difference()));
            }
            let value = match &field.details.default {
                _ if index < common => fields.get_item(&field.name)?,
                default => default
                    .as_ref()
                    .map(|default| value::object(fields.py(), default))
                    .transpose()?,
            };
            converted.set_item(&field.name, value)?;
        }
        Ok(converted)
    }

    /// The bytes of a numpy structured scalar, or of an array without dimensions; `None` for
    /// objects that numpy did not make.
    pub fn numpy_bytes(&self, record: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
        let Some(dtype) = record.getattr_opt("dtype")? else {
            return Ok(None);
        };
        let own = self.dtype(record.py())?;
        if !dtype.eq(own)? || record.getattr("shape")?.len()? != 0 {
            let reason = format!("a record must be one scalar of dtype {own} (got {dtype})");
            return Err(refuse(&self.board, ErrorKind::InvalidFields, reason));
        }
        record.call_method0("tobytes")?.extract().map(Some)
    }

    /// The numpy dtype of the records.
    pub fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let make = || {
            let fields = schema::fields(py, &self.schema)?;
            let make = py.import("pegel._numpy")?.getattr("dtype")?;
            let dtype = make.call1((&self.board, fields, self.schema.record_size()))?;
            PyResult::Ok(dtype.unbind())
        };
        Ok(self.dtype.get_or_try_init(py, make)?.bind(py))
    }
}

impl FieldLayout {
    fn object<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if !self.is_array {
            return element(py, self.kind, bytes);
        }
        let elements = bytes.chunks_exact(self.size);
        let elements = elements.map(|bytes| element(py, self.kind, bytes));
        let elements = elements.collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, elements)?.into_any())
    }
}

fn element<'py>(py: Python<'py>, kind: Type, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_ne_bytes(bytes.try_into()?)
        };
    }
    Ok(match kind {
        Type::Bool => PyBool::new(py, bytes != [0]).to_owned().into_any(),
        Type::I8 => number!(i8).into_pyobject(py)?.into_any(),
        Type::U8 => number!(u8).into_pyobject(py)?.into_any(),
        Type::I16 => number!(i16).into_pyobject(py)?.into_any(),
        Type::U16 => number!(u16).into_pyobject(py)?.into_any(),
        Type::I32 => number!(i32).into_pyobject(py)?.into_any(),
        Type::U32 => number!(u32).into_pyobject(py)?.into_any(),
        Type::I64 => number!(i64).into_pyobject(py)?.into_any(),
        Type::U64 => number!(u64).into_pyobject(py)?.into_any(),
        Type::F32 => PyFloat::new(py, number!(f32).into()).into_any(),
        Type::F64 => PyFloat::new(py, number!(f64)).into_any(),
        Type::Text => {
            let end = bytes.iter().position(|&byte| byte == 0);
            let text = &bytes[..end.unwrap_or(bytes.len())];
            PyString::new(py, &String::from_utf8_lossy(text)).into_any()
        }
        Type::Json | Type::Bytes => PyBytes::new(py, bytes).into_any(),
    })
}
