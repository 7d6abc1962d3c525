//! `pegel.Info`.

use pyo3::prelude::*;

/// What is known of a board itself.
#[pyclass(frozen, module = "pegel")]
pub struct Info(pub pegel::Info);

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

    /// Whether its publications carry checksums.
    #[getter]
    fn checksums(&self) -> bool {
        self.0.checksums
    }

    /// Whether it has a durable file.
    #[getter]
    fn durable(&self) -> bool {
        self.0.durable
    }

    /// Whether it mirrors one of another machine, and cannot be written here.
    #[getter]
    fn mirror(&self) -> bool {
        self.0.mirror
    }

    fn __repr__(&self) -> String {
        format!("<pegel.{:?}>", self.0)
    }
}
