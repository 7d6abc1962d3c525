//! Errors of the core as the exceptions of the package.

use pegel::{Error, ErrorKind};
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// The exception of an error: the class in `pegel` has the name of the kind.
#[allow(clippy::needless_pass_by_value)] // for map_err
pub fn raise(error: Error) -> PyErr {
    Python::attach(|py| {
        let class = py
            .import("pegel")
            .and_then(|pegel| pegel.getattr(format!("{:?}", error.kind())));
        match class.and_then(|class| class.call1((error.to_string(),))) {
            Ok(exception) => PyErr::from_value(exception),
            Err(failure) => failure,
        }
    })
}

/// The exception for a reason that does not yet name its board.
pub fn refuse(board: &str, kind: ErrorKind, reason: impl std::fmt::Display) -> PyErr {
    raise(Error::new(kind, format!("board {board}: {reason}")))
}

/// The exception for what Python's `json` refused. Any other exception, such as
/// `KeyboardInterrupt`, is passed on.
pub fn invalid_json(
    py: Python<'_>,
    board: &str,
    kind: ErrorKind,
    what: &str,
    cause: PyErr,
) -> PyErr {
    let is_refusal = cause.is_instance_of::<PyValueError>(py)
        || cause.is_instance_of::<PyTypeError>(py)
        || cause.is_instance_of::<PyRecursionError>(py);
    if !is_refusal {
        return cause;
    }
    let error = refuse(
        board,
        kind,
        format!("{what} is not valid JSON: {}", cause.value(py)),
    );
    error.set_cause(py, Some(cause));
    error
}
