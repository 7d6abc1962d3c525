//! Errors of the core as the exceptions of the package.

use pegel::{Error, ErrorKind};
use pyo3::prelude::*;

/// The exception of an error: the class in `pegel` is called like the kind.
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

/// The exception for a reason that does not name its board.
pub fn refuse(board: &str, kind: ErrorKind, reason: impl std::fmt::Display) -> PyErr {
    raise(Error::new(kind, format!("board {board}: {reason}")))
}
