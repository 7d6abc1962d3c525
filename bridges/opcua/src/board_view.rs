//! A board as clients see it: the newest record, and a status code for its quality.

use std::sync::Arc;
use std::time::Duration;

use opcua::types::{DataValue, DateTime, DateTimeUtc, StatusCode};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Field, Stamp};

use crate::values;

/// How long the values of a board are good.
#[derive(Clone, Copy)]
pub enum Validity {
    /// Until the next record: settings, not measurements.
    Always,
    /// While the writer is alive, and for this time after each publication.
    For(Duration),
}

/// How a board is served.
#[derive(Clone)]
pub struct Policy {
    /// The board as the library opens it.
    pub board: String,
    pub validity: Validity,
    pub is_writable: bool,
}

/// A board that exists.
pub struct BoardView {
    pub reader: Arc<Reader>,
    pub policy: Policy,
}

/// The newest record, and its quality.
pub struct Look {
    snapshot: Snapshot,
    status: StatusCode,
}

impl Look {
    pub fn stamp(&self) -> &Stamp {
        self.snapshot.stamp()
    }

    /// The status of the record; an unknown field has another one.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A field as clients see it.
    pub fn value(&self, field: &Field) -> DataValue {
        let value = self.snapshot.get(&field.name).ok();
        let variant = value.and_then(|value| values::variant(field, value));
        let status = if variant.is_some() {
            self.status
        } else {
            StatusCode::BadNoData
        };
        let stamp = self.snapshot.stamp();
        let published = DateTimeUtc::from_timestamp_nanos(stamp.published_ns);
        DataValue {
            value: variant,
            source_timestamp: stamp.is_timed().then(|| DateTime::from(published)),
            ..without_value(status)
        }
    }
}

/// The answer where no value exists.
pub fn without_value(status: StatusCode) -> DataValue {
    DataValue {
        status: Some(status),
        server_timestamp: Some(DateTime::now()),
        ..DataValue::null()
    }
}

impl BoardView {
    pub fn look(&self) -> Result<Look, StatusCode> {
        let read =
            |reader: &Reader| -> pegel::Result<_> { Ok((reader.read()?, reader.writer_alive()?)) };
        let newest = match read(&self.reader) {
            // Replaced, which the follower is about to notice.
            Err(error) if error.kind() == ErrorKind::Gone => {
                self.reader.reopen().and_then(|fresh| read(&fresh))
            }
            newest => newest,
        };
        let (snapshot, is_alive) = newest.map_err(|error| match error.kind() {
            ErrorKind::Empty => StatusCode::BadWaitingForInitialData,
            ErrorKind::Gone | ErrorKind::NotFound => StatusCode::BadNodeIdUnknown,
            _ => StatusCode::BadResourceUnavailable,
        })?;
        let stamp = snapshot.stamp();
        let status = match self.policy.validity {
            Validity::Always => StatusCode::Good,
            Validity::For(_) if stamp.is_default() => StatusCode::UncertainInitialValue,
            Validity::For(time) if is_alive && !is_older(stamp, time) => StatusCode::Good,
            Validity::For(_) => StatusCode::UncertainLastUsableValue,
        };
        Ok(Look { snapshot, status })
    }
}

/// Whether a record is older; the age is unknown if its writer leaves out the times.
fn is_older(stamp: &Stamp, time: Duration) -> bool {
    stamp.is_timed() && Duration::from_nanos(stamp.age_ns.unsigned_abs()) > time
}
