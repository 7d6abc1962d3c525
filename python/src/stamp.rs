//! `pegel.Stamp`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What is known of a publication: its sequence, generation, time and age.
///
/// Times and ages belong to the moment of the read and do not change afterwards.
#[pyclass(frozen, module = "pegel")]
pub struct Stamp(pub pegel::Stamp);

#[pymethods]
impl Stamp {
    /// The publication's number, from 1.
    #[getter]
    fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// How many writers had opened the board by then; 0 for the defaults of a new board.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The time of the publication in nanoseconds of Unix time, calculated at the read from the
    /// record's age and the system's clock; `None` if the writer leaves out the times.
    #[getter]
    fn published_ns(&self) -> Option<i64> {
        self.0.is_timed().then_some(self.0.published_ns)
    }

    /// The time of the publication as an aware datetime in UTC, calculated at the read; `None` if
    /// the writer leaves out the times.
    #[getter]
    pub fn published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(nanoseconds) = self.published_ns() else {
            return Ok(None);
        };
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        let microseconds = nanoseconds.rem_euclid(1_000_000_000) / 1000;
        let whole = datetime
            .getattr("datetime")?
            .call_method1("fromtimestamp", (seconds, utc))?;
        let rest = PyDict::new(py);
        rest.set_item("microsecond", microseconds)?;
        whole.call_method("replace", (), Some(&rest)).map(Some)
    }

    /// The record's age at the read in nanoseconds. Time in suspend counts.
    #[getter]
    fn age_ns(&self) -> i64 {
        self.0.age_ns
    }

    /// The record's age at the read in seconds. Time in suspend counts. Infinity if the writer
    /// leaves out the times.
    #[getter]
    #[allow(clippy::cast_precision_loss)] // below a nanosecond for a hundred days
    pub fn age(&self) -> f64 {
        if self.0.is_timed() {
            self.0.age_ns as f64 / 1e9
        } else {
            f64::INFINITY
        }
    }

    /// Bytes of the record; a document's length.
    #[getter]
    fn record_size(&self) -> usize {
        self.0.record_size
    }

    /// How often the writer overtook this read, which was then repeated.
    #[getter]
    fn retries(&self) -> u32 {
        self.0.retries
    }

    /// True for the defaults of a new board, which no writer published.
    #[getter]
    fn is_default(&self) -> bool {
        self.0.is_default()
    }

    /// How many publications before this one a follower with `every=True` missed, because the ring
    /// no longer held them.
    #[getter]
    fn missed(&self) -> u64 {
        self.0.missed
    }

    fn __repr__(&self) -> String {
        let pegel::Stamp {
            sequence,
            generation,
            ..
        } = self.0;
        format!(
            "<pegel.Stamp sequence={sequence} generation={generation} age={:.3}>",
            self.age()
        )
    }
}
