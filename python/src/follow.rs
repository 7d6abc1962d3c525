//! `pegel.Follow`: a board's publications as they come.

use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pegel::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::error::raise;
use crate::opened::{Handle, Opened};
use crate::snapshot::Snapshot;
use crate::wait::{Deadline, SLICE};

/// How often in a row a board may be gone as soon as it is opened again. Boards that are really
/// replaced need far fewer; one whose file cannot be identified would need ever more.
const MAX_REOPENS: u32 = 100;

/// The newest snapshots of a board as they come, or every publication: what `Reader.follow()`
/// returns. An iterator for `for` and for `async for`.
///
/// A step of `for` blocks its thread, not other threads; Ctrl-C ends it. A step of `async for`
/// blocks nothing: until a record comes, one thread without Python waits for it.
///
/// A follower opens the board again when it was replaced. Errors are those of `Reader.read()`; the
/// next step is then another attempt.
#[pyclass(frozen, module = "pegel")]
pub struct Follow {
    handle: Arc<Handle>,
    is_every: bool,
    timeout: Option<f64>,
    seen: Mutex<Seen>,
}

/// What was read last.
#[derive(Clone, Copy)]
struct Seen {
    sequence: u64,
    /// Of the board whose sequence it is.
    lineage: u64,
}

impl Seen {
    /// The sequence after which to continue: 0 on another board than before.
    fn after(self, core: &pegel::dynamic::Reader) -> u64 {
        if core.lineage() == self.lineage {
            self.sequence
        } else {
            0
        }
    }
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
        let seen = Mutex::new(Seen {
            sequence: after,
            lineage,
        });
        Ok(Self {
            handle,
            is_every,
            timeout,
            seen,
        })
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next snapshot; `TIMEOUT` when none comes in time.
    fn next(&self, py: Python<'_>, deadline: Deadline) -> PyResult<pegel::Result<Snapshot>> {
        let mut reopens = 0;
        loop {
            let waited = deadline.attempt(py, ErrorKind::Timeout, |slice| {
                let opened = self.handle.opened()?;
                let after = self.seen().after(&opened.core);
                let waited = opened.core.wait(after, Some(slice));
                if matches!(&waited, Err(error) if error.kind() == ErrorKind::Timeout) {
                    reopens = 0;
                }
                Ok(waited.map(|_| (opened, after)))
            })?;
            let read = match waited {
                Ok((opened, after)) => self.read(py, &opened, after)?,
                Err(error) => Err(error),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Gone && reopens < MAX_REOPENS => {
                    reopens += 1;
                    if let Err(error) = self.handle.reopen(py)? {
                        return Ok(Err(error));
                    }
                }
                read => return Ok(read),
            }
        }
    }

    fn read(
        &self,
        py: Python<'_>,
        opened: &Arc<Opened>,
        after: u64,
    ) -> PyResult<pegel::Result<Snapshot>> {
        let read = Snapshot::read(py, opened, |core, record| {
            if self.is_every {
                core.copy_after_into(after, record)
            } else {
                core.copy_into(record)
            }
        })?;
        if let Ok(snapshot) = &read {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
                sequence: snapshot.stamp().sequence,
                lineage: opened.core.lineage(),
            };
        }
        Ok(read)
    }
}

#[pymethods]
impl Follow {
    /// The iteration ends after so many seconds without a publication; `None` never ends it.
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
        let waiting = slf.py().import("pegel._asyncio")?;
        waiting.getattr("next_snapshot")?.call1((slf,))
    }

    /// The next snapshot if there is one now, else `None`. Never waits.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Snapshot>> {
        optional(self.next(py, Deadline::after(Some(0.0))?)?)
    }

    /// Waits for the next snapshot in a thread of its own, for at most so many seconds.
    #[pyo3(signature = (timeout, /))]
    fn wait_in_background(&self, timeout: f64) -> PyResult<BackgroundWait> {
        let (handle, seen) = (Arc::clone(&self.handle), self.seen());
        let deadline = Deadline::after(Some(timeout))?;
        let failed = |error: io::Error| {
            let message = format!("cannot wait in the background: {error}");
            raise(Error::new(ErrorKind::System, message))
        };
        let (ready, done) = io::pipe().map_err(failed)?;
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let cancelled = Arc::clone(&is_cancelled);
        // A thread without Python: neither the interpreter nor its exit waits for it.
        let wait = move || {
            while let Some(opened) = handle.current()
                && !cancelled.load(Ordering::Relaxed)
            {
                let slice = deadline.left().map_or(SLICE, |left| left.min(SLICE));
                let after = seen.after(&opened.core);
                let waited = opened.core.wait(after, Some(slice));
                let is_timeout = waited.is_err_and(|error| error.kind() == ErrorKind::Timeout);
                if !is_timeout || slice < SLICE {
                    break;
                }
            }
            // Closing the pipe is the signal.
            drop(done);
        };
        thread::Builder::new().spawn(wait).map_err(failed)?;
        Ok(BackgroundWait {
            ready,
            is_cancelled,
        })
    }
}

/// Nothing in time ends the iteration.
fn optional(next: pegel::Result<Snapshot>) -> PyResult<Option<Snapshot>> {
    match next {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(None),
        Err(error) => Err(raise(error)),
    }
}

/// A wait in the background, which dropping cancels. Its file becomes readable when it is over.
#[pyclass(frozen, module = "pegel._pegel")]
pub struct BackgroundWait {
    ready: PipeReader,
    is_cancelled: Arc<AtomicBool>,
}

#[pymethods]
impl BackgroundWait {
    fn fileno(&self) -> RawFd {
        self.ready.as_raw_fd()
    }
}

impl Drop for BackgroundWait {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}
