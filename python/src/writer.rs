//! `pegel.Writer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pegel::dynamic::Encoded;
use pegel::{ErrorKind, Options};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::{raise, refuse};
use crate::field;
use crate::place;
use crate::snapshot::Snapshot;
use crate::value;
use crate::wait::Deadline;

/// Publishes to a board and holds it until it is closed or its process ends.
///
/// Creates the board, or takes over one that has the same schema. It is given as named fields, as a
/// mapping of fields, or as the one field of a document. `slots` and `mode` are chosen for you, and
/// left as they are when the board exists; `replace` replaces a board with another schema.
#[pyclass(frozen, module = "pegel")]
pub struct Writer {
    board: String,
    path: PathBuf,
    schema: pegel::Schema,
    core: Arc<Core>,
}

/// `None` when closed. No Python code runs while it is locked: that could let another thread in,
/// which would then wait for this one without letting it go on.
type Core = Mutex<Option<pegel::dynamic::Writer>>;

/// All writers of this process.
static WRITERS: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Closes the writers that a child got by fork. They could not publish, but would keep the board
/// from everybody else when the parent is dead.
#[pyfunction]
pub fn close_inherited() {
    for writer in locked(&WRITERS)
        .drain(..)
        .filter_map(|writer| writer.upgrade())
    {
        locked(&writer).take();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    fn with<T>(&self, task: impl FnOnce(&mut pegel::dynamic::Writer) -> T) -> PyResult<T> {
        let done = locked(&self.core).as_mut().map(task);
        done.ok_or_else(|| {
            let reason = "this writer is closed, as in a child that got it by fork; open the board";
            refuse(&self.board, ErrorKind::InvalidArgument, reason)
        })
    }

    fn encode(&self, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
        value::encode(&self.board, &self.schema, record)
    }
}

impl From<pegel::dynamic::Writer> for Writer {
    fn from(core: pegel::dynamic::Writer) -> Self {
        let reader = core.reader();
        let (board, path) = (reader.board().into(), reader.path().into());
        let schema = reader.schema().clone();
        let core = Arc::new(Mutex::new(Some(core)));
        let mut writers = locked(&WRITERS);
        writers.retain(|writer| writer.strong_count() > 0);
        writers.push(Arc::downgrade(&core));
        Self {
            board,
            path,
            schema,
            core,
        }
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (board, schema=None, /, *, slots=None, mode=None, replace=false, **fields))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn new(
        board: PathBuf,
        schema: Option<Bound<'_, PyAny>>,
        slots: Option<u32>,
        mode: Option<u32>,
        replace: bool,
        fields: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let place = place(&board)?;
        let schema = field::schema(place, schema.as_ref(), fields.as_ref())?;
        let options = Options {
            slots: slots.unwrap_or(0),
            mode: mode.unwrap_or(0),
            replace,
        };
        Ok(pegel::dynamic::Writer::create(place, &schema, &options)
            .map_err(raise)?
            .into())
    }

    /// Takes an existing board, waiting for its writer to let go.
    ///
    /// Raises `Locked` when it did not within so many seconds; `None` waits for ever.
    #[staticmethod]
    #[pyo3(signature = (board, /, timeout=None))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn open(py: Python<'_>, board: PathBuf, timeout: Option<f64>) -> PyResult<Self> {
        let place = place(&board)?;
        let open = |slice| Ok(pegel::dynamic::Writer::open(place, Some(slice)));
        let opened = Deadline::after(timeout)?.attempt(py, ErrorKind::Locked, open)?;
        Ok(opened.map_err(raise)?.into())
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> &str {
        &self.board
    }

    /// The board's file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The board's fields by name, in their order.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        field::fields(py, &self.schema)
    }

    /// The newest sequence, 0 when nothing has been published.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.with(|core| core.reader().sequence())
    }

    /// The newest record.
    fn read(&self) -> PyResult<Snapshot> {
        let read = self.with(|core| {
            core.reader()
                .read()
                .map(|snapshot| Snapshot::of_writer(snapshot, core))
        })?;
        read.map_err(raise)
    }

    /// Publishes a record, given as a mapping or by its fields, or a document; returns its sequence.
    #[pyo3(signature = (*record, **values))]
    fn publish(
        &self,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let record = self.encode(&one(record, values)?)?;
        self.with(|core| core.publish(&record))?.map_err(raise)
    }

    /// Publishes if `expected` is still the newest sequence, else raises `Conflict`.
    #[pyo3(signature = (expected, /, *record, **values))]
    fn publish_if(
        &self,
        expected: u64,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let record = self.encode(&one(record, values)?)?;
        self.with(|core| core.publish_if(expected, &record))?
            .map_err(raise)
    }

    /// Publishes a record that is already laid out, or a document as it is, unlooked at.
    #[pyo3(signature = (record, /))]
    fn publish_bytes(&self, record: &Bound<'_, PyAny>) -> PyResult<u64> {
        let record = value::bytes(record)?;
        self.with(|core| core.publish(&record))?.map_err(raise)
    }

    /// Reads, changes and publishes, while no other writer can: `change` is given the record and
    /// returns the new one; named fields are set.
    #[pyo3(signature = (change=None, /, **values))]
    fn update(
        &self,
        py: Python<'_>,
        change: Option<Bound<'_, PyAny>>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let now = self.read()?;
        let mut record = now.to_python(py)?;
        if let Some(change) = change {
            record = change.call1((record,))?;
            if record.is_none() {
                let board = &self.board;
                return Err(PyTypeError::new_err(format!(
                    "board {board}: the function given to update returns None instead of the record"
                )));
            }
        }
        if let Some(values) = values {
            record.call_method1("update", (values,))?;
        }
        let record = self.encode(&record)?;
        self.with(|core| core.publish_if(now.stamp().sequence, &record))?
            .map_err(raise)
    }

    /// Lets the board go. It and its last record stay.
    fn close(&self) {
        locked(&self.core).take();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<pegel.Writer of {}>", self.board)
    }
}

/// The one record that was given, as a whole or by its fields.
fn one<'py>(
    record: &Bound<'py, PyTuple>,
    values: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    match (record.len(), values) {
        (0, Some(values)) => Ok(values.into_any()),
        (1, None) => record.get_item(0),
        _ => Err(PyTypeError::new_err(
            "publish one record: a mapping or document, or its fields by name",
        )),
    }
}
