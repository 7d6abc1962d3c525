//! Pegel for Python: the native half of the package `pegel`. Translation only.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;

mod codec;
mod error;
mod field;
mod follow;
mod info;
mod layout;
mod opened;
mod reader;
mod schema;
mod snapshot;
mod stamp;
mod value;
mod wait;
mod writer;

use error::raise;

/// Returns the names of the boards in a directory, by default that of `directory()`, sorted.
#[pyfunction]
#[pyo3(signature = (directory=None))]
#[allow(clippy::needless_pass_by_value)] // a Python argument
fn boards(directory: Option<PathBuf>) -> PyResult<Vec<String>> {
    pegel::list(directory.as_deref()).map_err(raise)
}

/// Returns the directory of boards that are given by name: `$PEGEL_DIR`, or else `/dev/shm`.
#[pyfunction]
fn directory() -> PathBuf {
    pegel::directory()
}

/// Removes a board, its durable file included. Its readers then raise `Gone`.
///
/// Raises `NotFound` if it does not exist and `Locked` while a writer holds it.
#[pyfunction]
#[pyo3(signature = (board, /))]
#[allow(clippy::needless_pass_by_value)] // a Python argument
fn unlink(board: PathBuf) -> PyResult<()> {
    pegel::unlink(path_text(&board)?).map_err(raise)
}

/// A board's name or path as text.
fn path_text(board: &Path) -> PyResult<&str> {
    board.to_str().ok_or_else(|| {
        raise(pegel::Error::new(
            pegel::ErrorKind::InvalidArgument,
            format!("invalid board path {}: it must be UTF-8", board.display()),
        ))
    })
}

#[pymodule]
mod _pegel {
    #[pymodule_export]
    use crate::field::Field;
    #[pymodule_export]
    use crate::follow::{BackgroundWait, Follow};
    #[pymodule_export]
    use crate::info::Info;
    #[pymodule_export]
    use crate::reader::Reader;
    #[pymodule_export]
    use crate::schema::Schema;
    #[pymodule_export]
    use crate::snapshot::Snapshot;
    #[pymodule_export]
    use crate::stamp::Stamp;
    #[pymodule_export]
    use crate::writer::Writer;
    #[pymodule_export]
    use crate::{boards, directory, unlink};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
