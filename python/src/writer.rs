//! `pegel.Writer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pegel::dynamic::Encoded;
use pegel::{Condition, ErrorKind, Options};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::{raise, refuse};
use crate::layout::Layout;
use crate::place;
use crate::reader::snapshot;
use crate::schema;
use crate::snapshot::{Snapshot, Source};
use crate::value;
use crate::wait::Deadline;

/// Publishes to a board and holds it until it is closed or its process ends.
///
/// Creates the board, or takes over one that has the same schema; a board that lacks fields which may
/// be missing grows. The schema is given as named fields, as a mapping of fields, as a record class, or
/// as the one field of a document. `slots` and `mode` are chosen for you, and left as they are when the
/// board exists; `replace` replaces a board with another schema. `description` says what it is about.
/// With `checksum`, each publication carries one, which all readers verify. A `durable` board comes back
/// after a reboot with the record that `sync` put into its durable file.
/// Raises `Locked` when another writer does not let go within `timeout` seconds; `None` waits for ever.
#[pyclass(frozen, module = "pegel")]
pub struct Writer {
    path: PathBuf,
    layout: Arc<Layout>,
    /// `None` when closed. No Python code runs while it is locked: that could let another thread in,
    /// which would then wait for this one without letting it go on.
    core: Mutex<Option<pegel::dynamic::Writer>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    fn with<T>(&self, task: impl FnOnce(&mut pegel::dynamic::Writer) -> T) -> PyResult<T> {
        let done = locked(&self.core).as_mut().map(task);
        done.ok_or_else(|| {
            let reason = "this writer is closed; open the board again";
            refuse(&self.layout.board, ErrorKind::InvalidArgument, reason)
        })
    }

    fn encode(&self, record: &Bound<'_, PyAny>) -> PyResult<Encoded> {
        value::encode(&self.layout, record)
    }

    fn publish_on(
        &self,
        condition: Condition,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let record = self.encode(&one(record, values)?)?;
        self.with(|core| core.publish_on(condition, &record))?
            .map_err(raise)
    }

    fn of(py: Python<'_>, core: pegel::dynamic::Writer) -> PyResult<Self> {
        let path = core.reader().path().into();
        let layout = Arc::new(Layout::new(py, core.reader())?);
        let core = Mutex::new(Some(core));
        Ok(Self { path, layout, core })
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (
        board, schema=None, /, *,
        slots=None, mode=None, replace=false, timeout=0.0, description=None, checksum=false,
        durable=false, **fields,
    ))]
    #[allow(clippy::needless_pass_by_value, clippy::too_many_arguments)] // Python's, named
    fn new(
        py: Python<'_>,
        board: PathBuf,
        schema: Option<Bound<'_, PyAny>>,
        slots: Option<u32>,
        mode: Option<u32>,
        replace: bool,
        timeout: Option<f64>,
        description: Option<&str>,
        checksum: bool,
        durable: bool,
        fields: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let place = place(&board)?;
        let schema = schema::schema(place, schema.as_ref(), fields.as_ref(), description)?;
        let create = |slice| {
            let options = Options {
                slots: slots.unwrap_or(0),
                mode: mode.unwrap_or(0),
                replace,
                timeout: slice,
                unstamped: false,
                checksum,
                durable,
            };
            Ok(pegel::dynamic::Writer::create(place, &schema, &options))
        };
        let created = Deadline::after(timeout)?.attempt(py, ErrorKind::Locked, create)?;
        Self::of(py, created.map_err(raise)?)
    }

    /// Takes an existing board, waiting for its writer to let go.
    ///
    /// Raises `Locked` when it did not within so many seconds; `None` waits for ever. A board that is
    /// absent comes back from its durable file, if it has one.
    #[staticmethod]
    #[pyo3(signature = (board, /, timeout=None))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn open(py: Python<'_>, board: PathBuf, timeout: Option<f64>) -> PyResult<Self> {
        let place = place(&board)?;
        let open = |slice| Ok(pegel::dynamic::Writer::open(place, Some(slice)));
        let opened = Deadline::after(timeout)?.attempt(py, ErrorKind::Locked, open)?;
        Self::of(py, opened.map_err(raise)?)
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> &str {
        &self.layout.board
    }

    /// The board's file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The board's fields by name, in their order.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        schema::fields(py, &self.layout.schema)
    }

    /// What the board is about; may be empty.
    #[getter]
    fn description(&self) -> &str {
        self.layout.schema.description()
    }

    /// The numpy dtype of the records.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        self.layout.dtype(py)
    }

    /// The newest sequence, 0 when nothing has been published.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.with(|core| core.reader().sequence())?.map_err(raise)
    }

    /// The newest record.
    fn read(&self, py: Python<'_>) -> PyResult<Snapshot> {
        let read = snapshot(
            py,
            Source::Writer(Arc::clone(&self.layout)),
            |record| self.with(|core| core.reader().copy_into(record)),
            |publication| self.with(|core| core.reader().stamp(publication)),
        )?;
        read.map_err(raise)
    }

    /// Publishes a record, given as a mapping, an instance of a record class, a numpy structured scalar
    /// or by its fields, or a document; returns its sequence. Fields that are left out get their
    /// defaults, or are unknown if they are optional.
    #[pyo3(signature = (*record, **values))]
    fn publish(
        &self,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Always, record, values)
    }

    /// Publishes if `expected` is still the newest sequence, else raises `Conflict`.
    #[pyo3(signature = (expected, /, *record, **values))]
    fn publish_if(
        &self,
        expected: u64,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Newest(expected), record, values)
    }

    /// Publishes if the board then still holds every publication after `acknowledged`, up to which
    /// somebody has worked through them, else raises `Full`: for boards of commands.
    #[pyo3(signature = (acknowledged, /, *record, **values))]
    fn publish_unless_full(
        &self,
        acknowledged: u64,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Acknowledged(acknowledged), record, values)
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
        let now = self.read(py)?;
        let mut record = now.to_python(py)?;
        if let Some(change) = change {
            record = change.call1((record,))?;
            if record.is_none() {
                let board = &self.layout.board;
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

    /// Puts the newest record into the file of a durable board, and returns its sequence: it is on the disk
    /// then, and comes back after a reboot.
    fn sync(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.with(pegel::dynamic::Writer::sync))?
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
        format!("<pegel.Writer of {}>", self.layout.board)
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
