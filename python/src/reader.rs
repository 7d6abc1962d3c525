//! `pegel.Reader`.

use std::path::PathBuf;
use std::sync::Arc;

use pegel::ErrorKind;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::error::raise;
use crate::follow::Follow;
use crate::info::Info;
use crate::opened::{Handle, Opened, Source};
use crate::path_text;
use crate::schema;
use crate::snapshot::Snapshot;
use crate::wait::Deadline;

/// Reads a board: `Reader("tank")` opens `$PEGEL_DIR/pegel.tank`, or `/dev/shm/pegel.tank` without
/// that variable; `Reader("/srv/boards/tank")` opens `/srv/boards/pegel.tank`.
///
/// Reading takes no lock and does not disturb the writer. Opening takes microseconds; keep a reader
/// that is used often. Close it by `close()` or `with`.
///
/// `schema` is a record class, a mapping of names to fields, or a document's field, as for
/// `Writer`. The reader then returns records of that schema, also if the board has an earlier or a
/// later version of it; another schema is `InvalidFields`.
///
/// `untrusted=True` also opens files that are otherwise `Untrusted`: those that another user could
/// have put there or can change. A truncated file is then `Corrupt`, whereas it would otherwise end
/// the process with SIGBUS. Each read is a system call.
///
/// Threads can share a reader. Only `wait()` and iterating over `follow()` block; meanwhile, other
/// threads run and signal handlers are called. A child made by `os.fork()` can continue to read.
///
/// Errors of opening: `NotFound`, `InvalidArgument` (the name), `InvalidFields`, `Untrusted`,
/// `Corrupt`, `Unsupported` (another layout version), `Denied`, `System`.
#[pyclass(frozen, module = "pegel")]
pub struct Reader(Arc<Handle>);

impl Reader {
    fn opened(&self) -> PyResult<Arc<Opened>> {
        self.0.opened()
    }

    fn newest(&self, py: Python<'_>) -> PyResult<pegel::Result<Snapshot>> {
        Snapshot::read(py, &self.opened()?, pegel::dynamic::Reader::copy_into)
    }
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (board, /, schema=None, *, untrusted=false))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn new(
        py: Python<'_>,
        board: PathBuf,
        schema: Option<Bound<'_, PyAny>>,
        untrusted: bool,
    ) -> PyResult<Self> {
        let path = path_text(&board)?;
        let view = schema.map(|schema| schema::schema(path, Some(&schema), None, None));
        let view = view.transpose()?;
        let handle = Handle::open(py, path, view.as_ref(), untrusted)?;
        Ok(Self(Arc::new(handle)))
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> PyResult<String> {
        Ok(self.opened()?.core.board().into())
    }

    /// The path of the board's file.
    #[getter]
    fn path(&self) -> PyResult<PathBuf> {
        Ok(self.opened()?.core.path().into())
    }

    /// The fields of the records by name, in their order. A new dict at each access.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        schema::fields(py, self.opened()?.core.schema())
    }

    /// What the board is about; can be empty.
    #[getter]
    fn description(&self) -> PyResult<String> {
        Ok(self.opened()?.core.schema().description().into())
    }

    /// The numpy dtype of the records. `ImportError` without numpy, `TypeError` for a document.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.opened()?.layout.dtype(py)?.clone().unbind())
    }

    /// Sizes, permissions, owner and options of the board, as a `pegel.Info`.
    #[getter]
    fn info(&self) -> PyResult<Info> {
        Ok(Info(self.opened()?.core.info()))
    }

    /// A random number that a new board gets and that its replacements keep. Sequences are
    /// comparable while it stays the same.
    #[getter]
    fn lineage(&self) -> PyResult<u64> {
        Ok(self.opened()?.core.lineage())
    }

    /// The newest sequence, 0 when nothing has been published. `Gone` once the board was replaced
    /// or removed: `read()` opens the new one.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.opened()?.core.sequence().map_err(raise)
    }

    /// Whether a writer holds the board now, even a stopped one. Asks the kernel at each access.
    #[getter]
    fn writer_alive(&self) -> PyResult<bool> {
        self.opened()?.core.writer_alive().map_err(raise)
    }

    /// Returns the newest record as a `Snapshot`, without waiting. A board that was replaced is
    /// opened again.
    ///
    /// Raises `Empty` when nothing has been published, `Gone` when the board was removed, `Busy`
    /// when the writer overtook every attempt, `Corrupt` for a wrong checksum.
    fn read(&self, py: Python<'_>) -> PyResult<Snapshot> {
        match self.newest(py)? {
            Err(gone) if gone.kind() == ErrorKind::Gone => {
                match self.0.reopen(py)? {
                    // Removed: that names the reason better than a board that does not exist.
                    Err(error) if error.kind() == ErrorKind::NotFound => Err(raise(gone)),
                    Err(error) => Err(raise(error)),
                    Ok(()) => self.newest(py)?.map_err(raise),
                }
            }
            read => read.map_err(raise),
        }
    }

    /// Returns the record of a sequence. Raises `Overwritten` if the ring does not hold it (any
    /// more), and `Gone` once the board was replaced or removed.
    #[pyo3(signature = (sequence, /))]
    fn read_at(&self, py: Python<'_>, sequence: u64) -> PyResult<Snapshot> {
        let copy =
            |core: &pegel::dynamic::Reader, record: &mut [u8]| core.copy_at_into(sequence, record);
        Snapshot::read(py, &self.opened()?, copy)?.map_err(raise)
    }

    /// Returns the newest `count` records, oldest first, or as many as the ring holds. Raises
    /// `Gone` once the board was replaced or removed.
    #[pyo3(signature = (count, /))]
    fn last(&self, py: Python<'_>, count: usize) -> PyResult<Vec<Snapshot>> {
        let opened = self.opened()?;
        let records = opened.core.last(count).map_err(raise)?;
        let snapshot = |record: pegel::dynamic::Snapshot| {
            let bytes = PyBytes::new(py, record.bytes());
            Snapshot::new(Source::Reader(Arc::clone(&opened)), *record.stamp(), bytes)
        };
        Ok(records.into_iter().map(snapshot).collect())
    }

    /// Waits for a publication after the given sequence and returns its sequence. Blocks this
    /// thread alone.
    ///
    /// Raises `Timeout` after so many seconds (`None` waits forever), and `Gone` once the board was
    /// replaced or removed.
    #[pyo3(signature = (after, timeout=None))]
    fn wait(&self, py: Python<'_>, after: u64, timeout: Option<f64>) -> PyResult<u64> {
        let deadline = Deadline::after(timeout)?;
        let wait = |slice| Ok(self.opened()?.core.wait(after, Some(slice)));
        deadline
            .attempt(py, ErrorKind::Timeout, wait)?
            .map_err(raise)
    }

    /// Iterates over snapshots, by `for` or `async for`: the newest one after the sequence `after`,
    /// then each newer one, skipping those that the loop was too slow for. With `every=True`, every
    /// publication once, in order; `snapshot.missed` counts those that the ring no longer held.
    ///
    /// The loop ends after `timeout` seconds without a publication; `None` never ends it. A board
    /// that is replaced is opened again; when it is removed, the loop raises `NotFound`.
    #[pyo3(signature = (*, after=0, timeout=None, every=false))]
    fn follow(&self, after: u64, timeout: Option<f64>, every: bool) -> PyResult<Follow> {
        Follow::new(Arc::clone(&self.0), after, timeout, every)
    }

    /// The same as `follow()`, for `async for`.
    fn __aiter__(&self) -> PyResult<Follow> {
        self.follow(0, None, false)
    }

    /// Closes the reader. Waits and loops over it raise `InvalidArgument`; snapshots stay valid.
    fn close(&self) {
        self.0.close();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<pegel.Reader of {}>", self.0.path())
    }
}
