//! `pegel.Reader`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pegel::dynamic::Publication;
use pegel::{ErrorKind, Schema, Stamp};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::error::{raise, refuse};
use crate::follow::Follow;
use crate::info::Info;
use crate::layout::Layout;
use crate::place;
use crate::schema;
use crate::snapshot::{Snapshot, Source};
use crate::wait::Deadline;

/// A document is mostly far shorter than its capacity.
const DOCUMENT_ROOM: usize = 4096;

/// A board that is open, and how its records become Python objects.
pub struct Opened {
    pub core: pegel::dynamic::Reader,
    pub layout: Layout,
}

impl Opened {
    fn new(py: Python<'_>, place: &str, view: Option<&Schema>, untrusted: bool) -> PyResult<Self> {
        let core = if untrusted {
            pegel::dynamic::Reader::open_untrusted(place)
        } else {
            pegel::dynamic::Reader::open(place)
        };
        let core = core.and_then(|core| match view {
            Some(schema) => core.view(schema),
            None => Ok(core),
        });
        let core = core.map_err(raise)?;
        let layout = Layout::new(py, &core)?;
        Ok(Self { core, layout })
    }

    /// A snapshot of the record that `copy` copies from the board.
    pub fn snapshot(
        self: &Arc<Self>,
        py: Python<'_>,
        copy: impl Fn(&pegel::dynamic::Reader, &mut [u8]) -> pegel::Result<Publication>,
    ) -> PyResult<pegel::Result<Snapshot>> {
        let source = Source::Reader(Arc::clone(self));
        let stamp = |publication: &Publication| Ok(self.core.stamp(publication));
        snapshot(py, source, |record| Ok(copy(&self.core, record)), stamp)
    }
}

/// A snapshot of the record that `copy` copies straight into its bytes.
pub fn snapshot(
    py: Python<'_>,
    source: Source,
    copy: impl Fn(&mut [u8]) -> PyResult<pegel::Result<Publication>>,
    stamp: impl Fn(&Publication) -> PyResult<pegel::Result<Stamp>>,
) -> PyResult<pegel::Result<Snapshot>> {
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
                let stamp = match stamp(&publication)? {
                    Err(error) => return Ok(Err(error)),
                    Ok(stamp) => stamp,
                };
                return Ok(Ok(Snapshot::new(source, stamp, bytes)));
            }
        }
    }
}

/// What a reader and those who follow with it share.
pub struct Handle {
    place: String,
    view: Option<Schema>,
    untrusted: bool,
    /// `None` when closed; shared with a wait that goes on in another thread.
    opened: Mutex<Option<Arc<Opened>>>,
}

impl Handle {
    fn locked(&self) -> MutexGuard<'_, Option<Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn opened(&self) -> PyResult<Arc<Opened>> {
        let opened = self.locked().clone();
        opened.ok_or_else(|| {
            let reason = "this reader is closed";
            refuse(&self.place, ErrorKind::InvalidArgument, reason)
        })
    }

    /// The open board for one that waits without Python.
    pub fn current(&self) -> Option<Arc<Opened>> {
        self.locked().clone()
    }

    /// Opens the board that has the name now; what its end was called if there is none.
    fn reopen_after(&self, py: Python<'_>, gone: pegel::Error) -> PyResult<()> {
        let not_found = py.import("pegel")?.getattr("NotFound")?;
        match self.reopen(py) {
            Err(error) if error.matches(py, not_found)? => Err(raise(gone)),
            reopened => reopened,
        }
    }

    /// Opens the board that has the name now, unless the reader was closed meanwhile.
    pub fn reopen(&self, py: Python<'_>) -> PyResult<()> {
        let fresh = Arc::new(Opened::new(
            py,
            &self.place,
            self.view.as_ref(),
            self.untrusted,
        )?);
        // What it replaces is dropped when the lock is free again.
        let _old = self
            .locked()
            .as_mut()
            .map(|opened| std::mem::replace(opened, fresh));
        Ok(())
    }
}

/// Reads a board. Threads may share it.
///
/// With a schema, given as for `Writer`, it hands over records of that, also if the board has an earlier
/// or a later version of it.
///
/// `untrusted=True` takes boards of those whom this program does not trust, also ones that are refused as
/// `Untrusted` else. If somebody cuts the file off, that is `Corrupt`, where it ends the process else; each
/// look at the board is a system call then.
#[pyclass(frozen, module = "pegel")]
pub struct Reader(Arc<Handle>);

impl Reader {
    fn opened(&self) -> PyResult<Arc<Opened>> {
        self.0.opened()
    }

    fn newest(&self, py: Python<'_>) -> PyResult<pegel::Result<Snapshot>> {
        self.opened()?
            .snapshot(py, pegel::dynamic::Reader::copy_into)
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
        let place = place(&board)?;
        let view = schema.map(|schema| schema::schema(place, Some(&schema), None, None));
        let view = view.transpose()?;
        let opened = Opened::new(py, place, view.as_ref(), untrusted)?;
        Ok(Self(Arc::new(Handle {
            place: place.into(),
            view,
            untrusted,
            opened: Mutex::new(Some(Arc::new(opened))),
        })))
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> PyResult<String> {
        Ok(self.opened()?.core.board().into())
    }

    /// The board's file.
    #[getter]
    fn path(&self) -> PyResult<PathBuf> {
        Ok(self.opened()?.core.path().into())
    }

    /// The fields of the records by name, in their order.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        schema::fields(py, self.opened()?.core.schema())
    }

    /// What the board is about; may be empty.
    #[getter]
    fn description(&self) -> PyResult<String> {
        Ok(self.opened()?.core.schema().description().into())
    }

    /// The numpy dtype of the records.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.opened()?.layout.dtype(py)?.clone().unbind())
    }

    /// What is known of the board itself.
    #[getter]
    fn info(&self) -> PyResult<Info> {
        Ok(Info(self.opened()?.core.info()))
    }

    /// Drawn at random when a board is new, and kept when it is replaced: sequences can be compared
    /// while it is the same.
    #[getter]
    fn lineage(&self) -> PyResult<u64> {
        Ok(self.opened()?.core.lineage())
    }

    /// The newest sequence, 0 when nothing has been published. `Gone` once the board was replaced or removed: `read()`
    /// opens the new one.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        self.opened()?.core.sequence().map_err(raise)
    }

    /// Whether the board has a writer now. Asks the kernel each time.
    #[getter]
    fn writer_alive(&self) -> PyResult<bool> {
        self.opened()?.core.writer_alive().map_err(raise)
    }

    /// The newest record. A board that was replaced is opened again; `Gone` is one that was removed.
    fn read(&self, py: Python<'_>) -> PyResult<Snapshot> {
        match self.newest(py)? {
            Err(gone) if gone.kind() == ErrorKind::Gone => {
                self.0.reopen_after(py, gone)?;
                self.newest(py)?.map_err(raise)
            }
            read => read.map_err(raise),
        }
    }

    /// The record of a sequence, while it is in the ring.
    #[pyo3(signature = (sequence, /))]
    fn read_at(&self, py: Python<'_>, sequence: u64) -> PyResult<Snapshot> {
        let copy =
            |core: &pegel::dynamic::Reader, record: &mut [u8]| core.copy_at_into(sequence, record);
        self.opened()?.snapshot(py, copy)?.map_err(raise)
    }

    /// The newest records, oldest first: so many, or as many as the ring holds.
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

    /// Waits for a publication after the given one and returns its sequence.
    ///
    /// Raises `Timeout` after so many seconds; `None` waits for ever.
    #[pyo3(signature = (after, timeout=None))]
    fn wait(&self, py: Python<'_>, after: u64, timeout: Option<f64>) -> PyResult<u64> {
        let deadline = Deadline::after(timeout)?;
        let wait = |slice| Ok(self.opened()?.core.wait(after, Some(slice)));
        deadline
            .attempt(py, ErrorKind::Timeout, wait)?
            .map_err(raise)
    }

    /// Yields the newest snapshot after the given sequence, then each newer one, skipping what it
    /// was too slow for; or every publication once, in order, each with how many were `missed` before.
    /// A board that is replaced is opened again.
    ///
    /// Ends when nothing was published for `timeout` seconds; `None` goes on for ever.
    #[pyo3(signature = (*, after=0, timeout=None, every=false))]
    fn follow(&self, after: u64, timeout: Option<f64>, every: bool) -> PyResult<Follow> {
        Follow::new(Arc::clone(&self.0), after, timeout, every)
    }

    /// As `follow()`, for `async for`.
    fn __aiter__(&self) -> PyResult<Follow> {
        self.follow(0, None, false)
    }

    /// Closes the reader, also for those who wait with it. Snapshots stay good.
    fn close(&self) {
        let _closed = self.0.locked().take();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<pegel.Reader of {}>", self.0.place)
    }
}
