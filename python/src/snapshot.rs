//! `pegel.Snapshot` and `pegel.Stamp`.

use std::sync::{Arc, OnceLock};

use pegel::ErrorKind;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyMapping, PyType};

use crate::error::{no_json, raise};
use crate::layout::Layout;
use crate::reader::Opened;
use crate::schema;
use crate::value;

/// What is known of a publication.
#[pyclass(frozen, module = "pegel")]
pub struct Stamp(pegel::Stamp);

#[pymethods]
impl Stamp {
    /// The publication's number, from 1.
    #[getter]
    fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// How many writers had taken the board by then; 0 for the defaults of a new board.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    /// Nanoseconds of Unix time at which it was published, worked out when it was read; `None` if its writer
    /// leaves out the times.
    #[getter]
    fn published_ns(&self) -> Option<i64> {
        self.0.is_timed().then_some(self.0.published_ns)
    }

    /// When it was published, worked out when it was read: an aware datetime in UTC; `None` if its writer leaves
    /// out the times.
    #[getter]
    fn published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(nanoseconds) = self.published_ns() else {
            return Ok(None);
        };
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        let microseconds = nanoseconds.rem_euclid(1_000_000_000) / 1000;
        let whole = datetime
            .getattr("datetime")?
            .call_method1("fromtimestamp", (seconds, utc))?;
        let rest = PyDict::new(py);
        rest.set_item("microsecond", microseconds)?;
        whole.call_method("replace", (), Some(&rest)).map(Some)
    }

    /// How many nanoseconds old it was when it was read; time in suspend counts.
    #[getter]
    fn age_ns(&self) -> i64 {
        self.0.age_ns
    }

    /// How many seconds old it was when it was read; time in suspend counts. Infinity if its writer leaves out the
    /// times.
    #[getter]
    #[allow(clippy::cast_precision_loss)] // below a nanosecond for a hundred days
    fn age(&self) -> f64 {
        if self.0.is_timed() {
            self.0.age_ns as f64 / 1e9
        } else {
            f64::INFINITY
        }
    }

    /// Bytes of the record; a document's length.
    #[getter]
    fn record_size(&self) -> usize {
        self.0.record_size
    }

    /// How often the writer lapped this read.
    #[getter]
    fn retries(&self) -> u32 {
        self.0.retries
    }

    /// Whether nobody published it: the defaults of a new board.
    #[getter]
    fn is_default(&self) -> bool {
        self.0.is_default()
    }

    /// Publications before it that a follower of every one asked for, and that the ring no longer held.
    #[getter]
    fn missed(&self) -> u64 {
        self.0.missed
    }

    fn __repr__(&self) -> String {
        let pegel::Stamp {
            sequence,
            generation,
            ..
        } = self.0;
        format!(
            "<pegel.Stamp sequence={sequence} generation={generation} age={:.3}>",
            self.age()
        )
    }
}

/// A record and its stamp. The record is made into Python objects when it is first looked at.
#[pyclass(frozen, module = "pegel", mapping)]
pub struct Snapshot {
    source: Source,
    stamp: pegel::Stamp,
    bytes: Py<PyBytes>,
    writer_alive: OnceLock<bool>,
    record: OnceLock<Py<PyAny>>,
}

/// Where a snapshot comes from.
pub enum Source {
    Reader(Arc<Opened>),
    Writer(Arc<Layout>),
}

impl Source {
    pub fn layout(&self) -> &Layout {
        match self {
            Self::Reader(opened) => &opened.layout,
            Self::Writer(layout) => layout,
        }
    }

    fn writer_alive(&self) -> pegel::Result<bool> {
        match self {
            Self::Reader(opened) => opened.core.writer_alive(),
            Self::Writer(_) => Ok(true),
        }
    }
}

impl Snapshot {
    pub fn new(source: Source, stamp: pegel::Stamp, bytes: Bound<'_, PyBytes>) -> Self {
        Self {
            source,
            stamp,
            bytes: bytes.unbind(),
            writer_alive: OnceLock::new(),
            record: OnceLock::new(),
        }
    }

    fn layout(&self) -> &Layout {
        self.source.layout()
    }

    /// The record as a dict, a JSON document, or bytes.
    fn record<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        if let Some(record) = self.record.get() {
            return Ok(record.bind(py));
        }
        // Nothing is locked meanwhile: decoding may run Python code, and so another thread.
        let decoded = self.to_python(py)?.unbind();
        Ok(self.record.get_or_init(|| decoded).bind(py))
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        let record = self.record(py)?;
        record.cast().map_err(|_| {
            let (board, kind) = (&self.layout().board, value::kind(record));
            PyTypeError::new_err(format!(
                "board {board}: this document is a {kind} and has no fields; use its .document"
            ))
        })
    }

    /// What is known of the publication.
    pub fn stamp(&self) -> &pegel::Stamp {
        &self.stamp
    }

    /// A copy of the record that may be changed.
    pub fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let decoded = self
            .layout()
            .decode(self.bytes.bind(py), self.stamp.present);
        decoded.map_err(|cause| {
            let what = format!("sequence {}", self.stamp.sequence);
            no_json(py, &self.layout().board, ErrorKind::Corrupt, &what, cause)
        })
    }

    /// The error that a document gives to those who want fields.
    fn no_document(&self) -> PyResult<()> {
        match self.layout().schema.document() {
            None => Ok(()),
            Some(kind) => {
                let board = &self.layout().board;
                Err(PyTypeError::new_err(format!(
                    "board {board} holds {kind} documents, which have no fields; use .document"
                )))
            }
        }
    }
}

#[pymethods]
impl Snapshot {
    /// All that is known of the publication.
    #[getter(stamp)]
    fn python_stamp(&self) -> Stamp {
        Stamp(self.stamp)
    }

    /// The publication's number, from 1.
    #[getter]
    fn sequence(&self) -> u64 {
        self.stamp.sequence
    }

    /// How many writers had taken the board by then; 0 for the defaults of a new board.
    #[getter]
    fn generation(&self) -> u64 {
        self.stamp.generation
    }

    /// Whether nobody published it: the defaults of a new board.
    #[getter]
    fn is_default(&self) -> bool {
        self.stamp.is_default()
    }

    /// Publications before it that a follower of every one asked for, and that the ring no longer held.
    #[getter]
    fn missed(&self) -> u64 {
        self.stamp.missed
    }

    /// How many seconds old it was when it was read; infinity if its writer leaves out the times.
    #[getter]
    fn age(&self) -> f64 {
        self.python_stamp().age()
    }

    /// When it was published: an aware datetime in UTC; `None` if its writer leaves out the times.
    #[getter]
    fn published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.python_stamp().published(py)
    }

    /// Whether the board had a writer when this was first asked; remembered since.
    #[getter]
    fn writer_alive(&self) -> PyResult<bool> {
        if let Some(alive) = self.writer_alive.get() {
            return Ok(*alive);
        }
        let asked = self.source.writer_alive().map_err(raise)?;
        Ok(*self.writer_alive.get_or_init(|| asked))
    }

    /// The record as it was published.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.bytes.bind(py)
    }

    /// The document: what its JSON says, or its bytes.
    #[getter]
    fn document<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.layout().schema.document().is_none() {
            let board = &self.layout().board;
            return Err(PyTypeError::new_err(format!(
                "board {board} holds fields, not a document; use the snapshot as a mapping"
            )));
        }
        self.record(py).cloned()
    }

    /// The record as an instance of a record class, which may be of an earlier or later version than
    /// the board.
    #[pyo3(signature = (record, /))]
    fn as_record<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyType>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.no_document()?;
        let Some(wanted) = schema::of_class(record)? else {
            let record = record.name()?;
            return Err(PyTypeError::new_err(format!(
                "{record} is no class of records: derive one with fields from pegel.Record"
            )));
        };
        let mut values = self.fields(py)?.copy()?;
        if wanted.get().0.hash() != self.layout().schema.hash() {
            values = self.layout().convert(&values, &wanted.get().0)?;
        }
        let instance = record.call_method1(intern!(py, "__new__"), (record,))?;
        let attributes = instance.getattr(intern!(py, "__dict__"))?;
        attributes.cast::<PyDict>()?.update(values.as_mapping())?;
        Ok(instance)
    }

    /// The numpy dtype of the record.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        self.layout().dtype(py)
    }

    /// The record's bytes as a numpy structured scalar, without a copy. It cannot tell what is unknown.
    fn as_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.layout().dtype(py)?;
        let scalar = py.import("pegel._numpy")?.getattr("scalar")?;
        scalar.call1((dtype, self.bytes.bind(py)))
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fields = self.fields(py)?;
        fields.get_item(name)?.ok_or_else(|| {
            let (board, names) = (&self.layout().board, fields.keys());
            match name.repr() {
                Ok(name) => {
                    PyKeyError::new_err(format!("board {board} has no field {name}, only {names}"))
                }
                Err(error) => error,
            }
        })
    }

    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.fields(py)?.contains(name)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.fields(py)?.try_iter()
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.fields(py)?.len())
    }

    /// The value of a field, or the default.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.fields(py)?.get_item(name)?.or(default))
    }

    /// The names of the fields.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.fields(py)?.call_method0("keys")
    }

    /// The values of the fields.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.fields(py)?.call_method0("values")
    }

    /// The names and values of the fields.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.fields(py)?.call_method0("items")
    }

    fn __eq__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(other) = other.cast::<Self>() {
            return self
                .record(py)?
                .rich_compare(other.get().record(py)?, pyo3::basic::CompareOp::Eq);
        }
        match other.cast::<PyMapping>() {
            Ok(other) => self
                .record(py)?
                .rich_compare(other, pyo3::basic::CompareOp::Eq),
            Err(_) => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (board, sequence, age) = (&self.layout().board, self.sequence(), self.age());
        let record = self.record(py)?.repr()?;
        Ok(format!(
            "<pegel.Snapshot of {board} sequence={sequence} age={age:.3} {record}>"
        ))
    }
}
