//! `pegel.Snapshot`.

use std::sync::{Arc, OnceLock};

use pegel::ErrorKind;
use pegel::dynamic::Publication;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyMapping, PyType};

use crate::error::{invalid_json, raise};
use crate::layout::Layout;
use crate::opened::{Opened, Source};
use crate::schema;
use crate::stamp::Stamp;
use crate::value;

/// A document is mostly far shorter than its capacity, so the first attempt takes no more memory.
const DOCUMENT_ROOM: usize = 4096;

/// A record and its stamp, as they were when they were read. A read-only mapping of field names to
/// values; for a board of JSON documents, of the document's members, if it is an object.
///
/// Numbers are `int` and `float`, arrays are tuples, an unknown optional field is `None`. Decoding
/// happens at the first access. `snapshot["name"]` raises `KeyError` for a field that the board
/// lacks. Lists and dicts of a document are copies: changing them changes nothing else.
///
/// A snapshot stays valid when its reader is closed, and threads can share it. Pegel never discards
/// an old record: check `age` (seconds) before you rely on the values.
#[pyclass(frozen, module = "pegel", mapping)]
pub struct Snapshot {
    source: Source,
    stamp: pegel::Stamp,
    bytes: Py<PyBytes>,
    writer_alive: OnceLock<bool>,
    /// The decoded record, of which nothing that can be changed is handed out.
    record: OnceLock<Py<PyAny>>,
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

    /// A snapshot of the record that `copy` copies from an open board.
    pub fn read(
        py: Python<'_>,
        opened: &Arc<Opened>,
        copy: impl Fn(&pegel::dynamic::Reader, &mut [u8]) -> pegel::Result<Publication>,
    ) -> PyResult<pegel::Result<Self>> {
        let source = Source::Reader(Arc::clone(opened));
        let stamp = |publication: &Publication| Ok(opened.core.stamp(publication));
        Self::copied(py, source, |record| Ok(copy(&opened.core, record)), stamp)
    }

    /// A snapshot of the record that `copy` copies straight into its bytes.
    pub fn copied(
        py: Python<'_>,
        source: Source,
        copy: impl Fn(&mut [u8]) -> PyResult<pegel::Result<Publication>>,
        stamp: impl Fn(&Publication) -> PyResult<pegel::Result<pegel::Stamp>>,
    ) -> PyResult<pegel::Result<Self>> {
        let schema = &source.layout().schema;
        let size = schema.record_size();
        let mut room = match schema.document() {
            Some(_) => size.min(DOCUMENT_ROOM),
            None => size,
        };
        loop {
            let mut copied = None;
            let bytes = PyBytes::new_with(py, room, |bytes| {
                copied = Some(copy(bytes)?);
                Ok(())
            })?;
            match copied.expect("it was called") {
                Err(error) if error.kind() == ErrorKind::TooLarge && room < size => {
                    room = size.min(room.saturating_mul(4));
                }
                Err(error) => return Ok(Err(error)),
                Ok(publication) => {
                    let bytes = match publication.len() {
                        length if length == room => bytes,
                        length => PyBytes::new(py, &bytes.as_bytes()[..length]),
                    };
                    let stamp = stamp(&publication)?;
                    return Ok(stamp.map(|stamp| Self::new(source, stamp, bytes)));
                }
            }
        }
    }

    pub fn stamp(&self) -> &pegel::Stamp {
        &self.stamp
    }

    /// The record decoded anew, for a caller that can change it.
    pub fn decode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let decoded = self
            .layout()
            .decode(self.bytes.bind(py), self.stamp.present);
        decoded.map_err(|cause| {
            let what = format!("sequence {}", self.stamp.sequence);
            invalid_json(py, &self.layout().board, ErrorKind::Corrupt, &what, cause)
        })
    }

    fn layout(&self) -> &Layout {
        self.source.layout()
    }

    fn is_document(&self) -> bool {
        self.layout().schema.document().is_some()
    }

    /// The record as a dict, a JSON document, or bytes; decoded once.
    fn record<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        if let Some(record) = self.record.get() {
            return Ok(record.bind(py));
        }
        // No lock is held meanwhile: decoding may run Python code, and so another thread.
        let decoded = self.decode(py)?.unbind();
        Ok(self.record.get_or_init(|| decoded).bind(py))
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        let record = self.record(py)?;
        record.cast().map_err(|_| self.not_a_mapping(record))
    }

    fn not_a_mapping(&self, record: &Bound<'_, PyAny>) -> PyErr {
        let (board, kind) = (&self.layout().board, value::kind(record));
        PyTypeError::new_err(format!(
            "board {board}: this document is a {kind} and has no fields; use its .document"
        ))
    }

    /// The fields for a view of them: the values of a document can be changed, so it gets its own.
    fn shown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        if !self.is_document() {
            return self.fields(py).cloned();
        }
        let record = self.decode(py)?;
        record
            .cast_into()
            .map_err(|error| self.not_a_mapping(&error.into_inner()))
    }
}

#[pymethods]
impl Snapshot {
    /// All that is known of the publication, as a `pegel.Stamp`.
    #[getter(stamp)]
    fn python_stamp(&self) -> Stamp {
        Stamp(self.stamp)
    }

    /// The publication's number, from 1.
    #[getter]
    fn sequence(&self) -> u64 {
        self.stamp.sequence
    }

    /// How many writers had opened the board by then; 0 for the defaults of a new board.
    #[getter]
    fn generation(&self) -> u64 {
        self.stamp.generation
    }

    /// True for the defaults of a new board, which no writer published.
    #[getter]
    fn is_default(&self) -> bool {
        self.stamp.is_default()
    }

    /// How many publications before this one a follower with `every=True` missed, because the ring
    /// no longer held them.
    #[getter]
    fn missed(&self) -> u64 {
        self.stamp.missed
    }

    /// The record's age at the read in seconds. Infinity if the writer leaves out the times.
    #[getter]
    fn age(&self) -> f64 {
        self.python_stamp().age()
    }

    /// The time of the publication as an aware datetime in UTC; `None` if the writer leaves out the
    /// times.
    #[getter]
    fn published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.python_stamp().published(py)
    }

    /// Whether the board had a writer at the first access to this property, which asks the kernel.
    /// Later accesses return the same answer.
    #[getter]
    fn writer_alive(&self) -> PyResult<bool> {
        if let Some(alive) = self.writer_alive.get() {
            return Ok(*alive);
        }
        let asked = self.source.writer_alive().map_err(raise)?;
        Ok(*self.writer_alive.get_or_init(|| asked))
    }

    /// The record's bytes as they were published; the text of a JSON document.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.bytes.bind(py)
    }

    /// The document: a JSON value, or bytes. Each access returns a new object, which the caller can
    /// change. `TypeError` on a board of fields.
    #[getter]
    fn document<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !self.is_document() {
            let board = &self.layout().board;
            return Err(PyTypeError::new_err(format!(
                "board {board} holds fields, not a document; use the snapshot as a mapping"
            )));
        }
        match self.record.get() {
            Some(record) => value::copied(record.bind(py)),
            // The usual caller asks once, and is given the only one.
            None => self.decode(py),
        }
    }

    /// The record as an instance of a class that derives from `pegel.Record`. The class can be an
    /// earlier or later version of the board's schema; another schema is `InvalidFields`.
    #[pyo3(signature = (record, /))]
    fn as_record<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyType>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(kind) = self.layout().schema.document() {
            let board = &self.layout().board;
            return Err(PyTypeError::new_err(format!(
                "board {board} holds {kind} documents, which have no fields; use .document"
            )));
        }
        let Some(wanted) = schema::of_class(record)? else {
            let record = record.name()?;
            return Err(PyTypeError::new_err(format!(
                "{record} is not a class of records: derive one with fields from pegel.Record"
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

    /// The numpy dtype of the record. `ImportError` without numpy, `TypeError` for a document.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        self.layout().dtype(py)
    }

    /// The record as a numpy structured scalar that shares the snapshot's bytes. It shows zero for
    /// an optional field that is unknown.
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
        if let Some(value) = fields.get_item(name)? {
            return value::copied(&value);
        }
        let (board, name, names) = (&self.layout().board, name.repr()?, fields.keys());
        Err(PyKeyError::new_err(format!(
            "board {board} has no field {name}, only {names}"
        )))
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

    /// The value of a field, or `default` if the board lacks the field.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.fields(py)?.get_item(name)? {
            Some(value) => value::copied(&value).map(Some),
            None => Ok(default),
        }
    }

    /// The names of the fields, in their order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.fields(py)?.call_method0("keys")
    }

    /// The values of the fields, in their order.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.shown(py)?.call_method0("values")
    }

    /// The names and values of the fields, in their order.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.shown(py)?.call_method0("items")
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
