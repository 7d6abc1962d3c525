//! Waiting as Python expects it: other threads run, and Ctrl-C ends it.

use std::time::{Duration, Instant};

use pegel::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use crate::error::raise;

/// A wait is interrupted so often for Python's signal handlers.
pub const SLICE: Duration = Duration::from_millis(200);

/// The end of a wait; `None` is never.
#[derive(Clone, Copy)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// That many seconds from now.
    pub fn after(seconds: Option<f64>) -> PyResult<Self> {
        let Some(seconds) = seconds else {
            return Ok(Self(None));
        };
        if seconds.is_nan() || seconds < 0.0 {
            let message = format!(
                "a timeout must be at least 0 seconds, or None to wait forever (got {seconds})"
            );
            return Err(raise(Error::new(ErrorKind::InvalidArgument, message)));
        }
        let far = Duration::try_from_secs_f64(seconds).ok();
        Ok(Self(far.and_then(|far| Instant::now().checked_add(far))))
    }

    /// The time that is left.
    pub fn left(self) -> Option<Duration> {
        self.0
            .map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// Tries again, for a slice at a time, while that fails with `kind` and time is left.
    pub fn attempt<T: Send>(
        self,
        py: Python<'_>,
        kind: ErrorKind,
        mut attempt: impl FnMut(Duration) -> PyResult<Result<T>> + Send,
    ) -> PyResult<Result<T>> {
        loop {
            let left = self.left();
            let slice = left.map_or(SLICE, |left| left.min(SLICE));
            match py.detach(|| attempt(slice))? {
                Err(error) if error.kind() == kind && left.is_none_or(|left| left > slice) => {
                    py.check_signals()?;
                }
                result => return Ok(result),
            }
        }
    }
}
