//! `pegel.Writer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pegel::dynamic::Encoded;
use pegel::{Condition, ErrorKind, Options};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::codec;
use crate::error::{raise, refuse};
use crate::layout::Layout;
use crate::opened::Source;
use crate::path_text;
use crate::schema;
use crate::snapshot::Snapshot;
use crate::value;
use crate::wait::Deadline;

/// Creates a board, or opens one that has the same schema, and holds it until it is closed or its
/// process exits: `Writer("tank", level=pegel.f64("m"))`. A board has at most one writer at a time.
///
/// The schema is given as named fields, as a mapping of names to fields, as a class that derives
/// from `pegel.Record`, or as the one field of a document (`pegel.json(capacity)`). A board that
/// lacks fields which have a default or are optional grows, and keeps its records. Another schema
/// is `InvalidFields`, unless `replace` is true. Options:
///
/// - `slots`: records that the ring holds, a power of two from 4 to 65536; `mode`: permissions,
///   0o640 by default. An existing board keeps its own.
/// - `replace`: replaces a board that has another schema or other slots, or is damaged.
/// - `timeout`: seconds to wait for another writer, 1 by default; then `Locked`, which names the
///   process. `None` waits forever, 0 does not wait.
/// - `description`: what the board is about.
/// - `checksum`: each publication carries a checksum, which all readers verify.
/// - `durable`: the board gets a file on disk, from which it is restored after a reboot with the
///   record that `sync()` put there.
///
/// Threads can share a writer; its methods are atomic, except that `update` raises `Conflict` when
/// another thread publishes meanwhile. A child made by `os.fork()` cannot publish with it.
///
/// Only creating and opening (for `timeout`) and `sync` (for the disk) block; publishing does not.
///
/// Errors: `InvalidArgument` (name, slots, mode), `InvalidFields`, `Locked`, `Untrusted`,
/// `Corrupt`, `Unsupported`, `Denied`, `NoSpace`, `System`.
#[pyclass(frozen, module = "pegel")]
pub struct Writer {
    path: PathBuf,
    layout: Arc<Layout>,
    /// `None` when closed. No Python code runs while this is locked: that could switch to another
    /// thread, which would then block on the lock and keep this one from running.
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
        codec::encode(&self.layout, record)
    }

    fn publish_on(
        &self,
        condition: Condition,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let record = self.encode(&single(record, values)?)?;
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
        slots=None, mode=None, replace=false, timeout=1.0, description=None, checksum=false,
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
        let path = path_text(&board)?;
        let schema = schema::schema(path, schema.as_ref(), fields.as_ref(), description)?;
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
            Ok(pegel::dynamic::Writer::create(path, &schema, &options))
        };
        let created = Deadline::after(timeout)?.attempt(py, ErrorKind::Locked, create)?;
        Self::of(py, created.map_err(raise)?)
    }

    /// Opens an existing board for writing, and waits for its writer to release it.
    ///
    /// Raises `Locked`, which names the process, after `timeout` seconds; `None` waits forever, 0
    /// does not wait. A board that does not exist is restored from its durable file if it has one;
    /// otherwise `NotFound`.
    #[staticmethod]
    #[pyo3(signature = (board, /, timeout=1.0))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn open(py: Python<'_>, board: PathBuf, timeout: Option<f64>) -> PyResult<Self> {
        let path = path_text(&board)?;
        let open = |slice| Ok(pegel::dynamic::Writer::open(path, Some(slice)));
        let opened = Deadline::after(timeout)?.attempt(py, ErrorKind::Locked, open)?;
        Self::of(py, opened.map_err(raise)?)
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> &str {
        &self.layout.board
    }

    /// The path of the board's file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The board's fields by name, in their order. A new dict at each access.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        schema::fields(py, &self.layout.schema)
    }

    /// What the board is about; can be empty.
    #[getter]
    fn description(&self) -> &str {
        self.layout.schema.description()
    }

    /// The numpy dtype of the records. `ImportError` without numpy, `TypeError` for a document.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        self.layout.dtype(py)
    }

    /// The newest sequence, 0 when nothing has been published.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.with(|core| core.reader().sequence())?.map_err(raise)
    }

    /// Returns the newest record as a `Snapshot`. Raises `Empty` when nothing has been published.
    fn read(&self, py: Python<'_>) -> PyResult<Snapshot> {
        let read = Snapshot::copied(
            py,
            Source::Writer(Arc::clone(&self.layout)),
            |record| self.with(|core| core.reader().copy_into(record)),
            |publication| self.with(|core| core.reader().stamp(publication)),
        )?;
        read.map_err(raise)
    }

    /// Publishes a record in one step and returns its sequence: `publish(level=3.21)`, or one
    /// argument: a mapping, an instance of a record class, a numpy structured scalar, or a
    /// document.
    ///
    /// Fields that are left out get their defaults, or are unknown (`None`) if they are optional.
    /// Arrays are tuples, lists or numpy arrays.
    ///
    /// Raises `InvalidFields` for a field that is missing, unknown, of the wrong type, outside its
    /// range or limits, and for an integer that a float cannot hold exactly; `TooLarge` for a text
    /// or document that is too long; `Gone` once the board was replaced or removed. Nothing is then
    /// published.
    #[pyo3(signature = (*record, **values))]
    fn publish(
        &self,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Always, record, values)
    }

    /// Publishes if `expected` is still the newest sequence; otherwise raises `Conflict`.
    #[pyo3(signature = (expected, /, *record, **values))]
    fn publish_if(
        &self,
        expected: u64,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Newest(expected), record, values)
    }

    /// Publishes if the ring still holds every publication after the sequence `acknowledged`
    /// afterwards; otherwise raises `Full`. For boards of commands, whose reader acknowledges the
    /// sequence up to which it is done.
    #[pyo3(signature = (acknowledged, /, *record, **values))]
    fn publish_unless_full(
        &self,
        acknowledged: u64,
        record: &Bound<'_, PyTuple>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        self.publish_on(Condition::Acknowledged(acknowledged), record, values)
    }

    /// Publishes the bytes of a whole record, or of a document, without checking their content.
    #[pyo3(signature = (record, /))]
    fn publish_bytes(&self, record: &Bound<'_, PyAny>) -> PyResult<u64> {
        let record = value::bytes(record)?;
        self.with(|core| core.publish(&record))?.map_err(raise)
    }

    /// Reads the newest record, changes it and publishes it, which no other writer can interrupt:
    /// `update(limit=80)` sets fields; `update(change)` calls `change` with the record as a dict or
    /// document, and publishes what it returns. Returns the sequence.
    ///
    /// Raises `Empty` when nothing has been published, `Conflict` when another thread of this
    /// process published meanwhile.
    #[pyo3(signature = (change=None, /, **values))]
    fn update(
        &self,
        py: Python<'_>,
        change: Option<Bound<'_, PyAny>>,
        values: Option<Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        let now = self.read(py)?;
        let mut record = now.decode(py)?;
        if let Some(change) = change {
            record = change.call1((record,))?;
            if record.is_none() {
                let board = &self.layout.board;
                return Err(PyTypeError::new_err(format!(
                    "board {board}: the function given to update must return the record (got None)"
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

    /// Writes the newest record to the durable file and returns its sequence. When it returns, the
    /// record is on disk and is restored after a reboot. Blocks for the disk, not other threads.
    fn sync(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.with(pegel::dynamic::Writer::sync))?
            .map_err(raise)
    }

    /// Releases the board. The board and its last record stay.
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
fn single<'py>(
    record: &Bound<'py, PyTuple>,
    values: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    match (record.len(), values) {
        (0, Some(values)) => Ok(values.into_any()),
        (1, None) => record.get_item(0),
        _ => Err(PyTypeError::new_err(
            "publish takes one record: a mapping or document, or fields by name",
        )),
    }
}
