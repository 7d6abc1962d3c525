//! `pegel.Follow`: a board's publications as they come.

use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pegel::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::error::raise;
use crate::reader::{Handle, Opened};
use crate::snapshot::Snapshot;
use crate::wait::{Deadline, SLICE};

/// The newest snapshots of a board as they come, or every one.
#[pyclass(frozen, module = "pegel")]
pub struct Follow {
    handle: Arc<Handle>,
    is_every: bool,
    timeout: Option<f64>,
    seen: Mutex<Seen>,
}

/// What was seen last.
#[derive(Clone, Copy)]
struct Seen {
    sequence: u64,
    /// Of the board whose sequence it is.
    lineage: u64,
}

impl Follow {
    pub fn new(
        handle: Arc<Handle>,
        after: u64,
        timeout: Option<f64>,
        is_every: bool,
    ) -> PyResult<Self> {
        Deadline::after(timeout)?;
        let lineage = handle.opened()?.core.lineage();
        Ok(Self {
            handle,
            is_every,
            timeout,
            seen: Mutex::new(Seen {
                sequence: after,
                lineage,
            }),
        })
    }

    /// The board, and the sequence after which to go on: 0 if it is another board than before.
    fn place(&self) -> PyResult<(Arc<Opened>, u64)> {
        let opened = self.handle.opened()?;
        let after = self.seen().after(&opened.core);
        Ok((opened, after))
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next snapshot; `TIMEOUT` when there is none in time.
    fn next(&self, py: Python<'_>, deadline: Deadline) -> PyResult<pegel::Result<Snapshot>> {
        loop {
            let waited = deadline.attempt(py, ErrorKind::Timeout, |slice| {
                let (opened, after) = self.place()?;
                Ok(opened
                    .core
                    .wait(after, Some(slice))
                    .map(|_| (opened, after)))
            })?;
            let read = match waited {
                Ok((opened, after)) => opened
                    .snapshot(py, |core, record| {
                        if self.is_every {
                            core.copy_after_into(after, record)
                        } else {
                            core.copy_into(record)
                        }
                    })?
                    .inspect(|snapshot| self.saw(&opened, snapshot)),
                Err(error) => Err(error),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Gone => self.handle.reopen(py)?,
                read => return Ok(read),
            }
        }
    }

    fn saw(&self, opened: &Opened, snapshot: &Snapshot) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
            sequence: snapshot.stamp().sequence,
            lineage: opened.core.lineage(),
        };
    }
}

impl Seen {
    fn after(self, core: &pegel::dynamic::Reader) -> u64 {
        if core.lineage() == self.lineage {
            self.sequence
        } else {
            0
        }
    }
}

#[pymethods]
impl Follow {
    /// After so many seconds without a publication it ends; `None` is never.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.timeout
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Snapshot>> {
        optional(self.next(py, Deadline::after(self.timeout)?)?)
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let waiting = slf.py().import("pegel._waiting")?;
        waiting.getattr("following")?.call1((slf,))
    }

    /// The next snapshot if it is there.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Snapshot>> {
        optional(self.next(py, Deadline::after(Some(0.0))?)?)
    }

    /// Waits for the next one in the background, for so many seconds.
    #[pyo3(signature = (timeout, /))]
    fn wait_aside(&self, timeout: f64) -> PyResult<Waiting> {
        let (handle, seen) = (Arc::clone(&self.handle), self.seen());
        let deadline = Deadline::after(Some(timeout))?;
        let failed = |error: io::Error| {
            let message = format!("cannot wait in the background: {error}");
            raise(Error::new(ErrorKind::System, message))
        };
        let (ready, done) = io::pipe().map_err(failed)?;
        let is_given_up = Arc::new(AtomicBool::new(false));
        let given_up = Arc::clone(&is_given_up);
        // A thread without Python: it holds up neither the interpreter nor its end.
        let wait = move || {
            while let Some(opened) = handle.current()
                && !given_up.load(Ordering::Relaxed)
            {
                let slice = deadline.left().map_or(SLICE, |left| left.min(SLICE));
                let after = seen.after(&opened.core);
                let waited = opened.core.wait(after, Some(slice));
                let is_timeout = waited.is_err_and(|error| error.kind() == ErrorKind::Timeout);
                if !is_timeout || slice < SLICE {
                    break;
                }
            }
            // Closing it is the signal.
            drop(done);
        };
        thread::Builder::new().spawn(wait).map_err(failed)?;
        Ok(Waiting { ready, is_given_up })
    }
}

/// Nothing in time is the end.
fn optional(next: pegel::Result<Snapshot>) -> PyResult<Option<Snapshot>> {
    match next {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(None),
        Err(error) => Err(raise(error)),
    }
}

/// A wait in the background; its file is readable when that is over.
#[pyclass(frozen, module = "pegel._pegel")]
pub struct Waiting {
    ready: PipeReader,
    is_given_up: Arc<AtomicBool>,
}

#[pymethods]
impl Waiting {
    fn fileno(&self) -> RawFd {
        self.ready.as_raw_fd()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}
