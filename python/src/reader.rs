//! `pegel.Reader`, and what it iterates over.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pegel::ErrorKind;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::{raise, refuse};
use crate::field;
use crate::place;
use crate::snapshot::Snapshot;
use crate::wait::Deadline;

/// Reads a board. Threads may share it.
#[pyclass(frozen, module = "pegel")]
pub struct Reader {
    place: String,
    /// `None` when closed; shared with snapshots, and with a wait that goes on in another thread.
    core: Mutex<Option<Arc<pegel::dynamic::Reader>>>,
}

impl Reader {
    fn core(&self) -> PyResult<Arc<pegel::dynamic::Reader>> {
        let core = self
            .core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        core.ok_or_else(|| {
            refuse(
                &self.place,
                ErrorKind::InvalidArgument,
                "this reader is closed",
            )
        })
    }

    /// Opens the board that has the name now, unless the reader was closed meanwhile.
    fn reopen(&self) -> PyResult<()> {
        let fresh = Arc::new(pegel::dynamic::Reader::open(&self.place).map_err(raise)?);
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(core) = core.as_mut() {
            *core = fresh;
        }
        Ok(())
    }
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (board, /))]
    #[allow(clippy::needless_pass_by_value)] // a Python argument
    fn new(board: PathBuf) -> PyResult<Self> {
        let place = place(&board)?;
        let core = pegel::dynamic::Reader::open(place).map_err(raise)?;
        Ok(Self {
            place: place.into(),
            core: Mutex::new(Some(Arc::new(core))),
        })
    }

    /// The board's name.
    #[getter]
    fn board(&self) -> PyResult<String> {
        Ok(self.core()?.board().into())
    }

    /// The board's file.
    #[getter]
    fn path(&self) -> PyResult<PathBuf> {
        Ok(self.core()?.path().into())
    }

    /// The board's fields by name, in their order.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        field::fields(py, self.core()?.schema())
    }

    /// What is known of the board itself.
    #[getter]
    fn info(&self) -> PyResult<Info> {
        Ok(Info(self.core()?.info()))
    }

    /// The newest sequence, 0 when nothing has been published.
    #[getter]
    fn sequence(&self) -> PyResult<u64> {
        Ok(self.core()?.sequence())
    }

    /// Whether the board has a writer now. Asks the kernel each time.
    #[getter]
    fn writer_alive(&self) -> PyResult<bool> {
        self.core()?.writer_alive().map_err(raise)
    }

    /// The newest record.
    fn read(&self) -> PyResult<Snapshot> {
        let core = self.core()?;
        Ok(Snapshot::of_reader(core.read().map_err(raise)?, core))
    }

    /// The record of a sequence, while it is in the ring.
    #[pyo3(signature = (sequence, /))]
    fn read_at(&self, sequence: u64) -> PyResult<Snapshot> {
        let core = self.core()?;
        Ok(Snapshot::of_reader(
            core.read_at(sequence).map_err(raise)?,
            core,
        ))
    }

    /// Waits for a publication after the given one and returns its sequence.
    ///
    /// Raises `Timeout` after so many seconds; `None` waits for ever.
    #[pyo3(signature = (after, timeout=None))]
    fn wait(&self, py: Python<'_>, after: u64, timeout: Option<f64>) -> PyResult<u64> {
        let deadline = Deadline::after(timeout)?;
        let wait = |slice| Ok(self.core()?.wait(after, Some(slice)));
        deadline
            .attempt(py, ErrorKind::Timeout, wait)?
            .map_err(raise)
    }

    /// Yields the newest snapshot after the given sequence, then each newer one, skipping what it
    /// was too slow for; a board that is replaced is opened again.
    ///
    /// Ends when nothing was published for `timeout` seconds; `None` goes on for ever.
    #[pyo3(signature = (*, after=0, timeout=None))]
    fn follow(slf: Py<Self>, after: u64, timeout: Option<f64>) -> PyResult<Follow> {
        Deadline::after(timeout)?;
        Ok(Follow {
            reader: slf,
            after: Mutex::new(after),
            timeout,
        })
    }

    /// Closes the reader, also for those who wait with it. Snapshots stay good.
    fn close(&self) {
        self.core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<pegel.Reader of {}>", self.place)
    }
}

/// The newest snapshots of a board as they come; older ones are skipped.
#[pyclass(frozen, module = "pegel")]
pub struct Follow {
    reader: Py<Reader>,
    after: Mutex<u64>,
    timeout: Option<f64>,
}

#[pymethods]
impl Follow {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Snapshot>> {
        let reader = self.reader.get();
        let deadline = Deadline::after(self.timeout)?;
        loop {
            let after = *self.after();
            let next = deadline.attempt(py, ErrorKind::Timeout, |slice| {
                let core = reader.core()?;
                let read = core.wait(after, Some(slice)).and_then(|_| core.read());
                Ok(read.map(|snapshot| Snapshot::of_reader(snapshot, core)))
            })?;
            match next {
                Ok(snapshot) => {
                    *self.after() = snapshot.stamp().sequence;
                    return Ok(Some(snapshot));
                }
                Err(error) if error.kind() == ErrorKind::Timeout => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Gone => {
                    reader.reopen()?;
                    *self.after() = 0;
                }
                Err(error) => return Err(raise(error)),
            }
        }
    }
}

impl Follow {
    fn after(&self) -> MutexGuard<'_, u64> {
        self.after.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a board itself.
#[pyclass(frozen, module = "pegel")]
pub struct Info(pegel::Info);

#[pymethods]
impl Info {
    /// Bytes of a record; a document's capacity.
    #[getter]
    fn record_size(&self) -> usize {
        self.0.record_size
    }

    /// Slots of the ring.
    #[getter]
    fn slots(&self) -> u32 {
        self.0.slots
    }

    /// Equal for equal schemas.
    #[getter]
    fn schema_hash(&self) -> u64 {
        self.0.schema_hash
    }

    /// How many writers have taken the board.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    /// Permissions of its file.
    #[getter]
    fn mode(&self) -> u32 {
        self.0.mode
    }

    /// Its owner's user id.
    #[getter]
    fn owner(&self) -> u32 {
        self.0.owner
    }

    /// Its group's id.
    #[getter]
    fn group(&self) -> u32 {
        self.0.group
    }

    /// Bytes of memory.
    #[getter]
    fn segment_size(&self) -> u64 {
        self.0.segment_size
    }

    fn __repr__(&self) -> String {
        format!("<pegel.{:?}>", self.0)
    }
}
