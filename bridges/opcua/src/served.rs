//! A board as clients see it: the newest record, and status codes that tell how good it is.

use std::time::Duration;

use opcua::types::{DataValue, DateTime, DateTimeUtc, StatusCode};
use pegel::dynamic::{Reader, Snapshot};
use pegel::{ErrorKind, Field, Stamp};

use crate::values;

/// When values of a board are as good as new.
#[derive(Clone, Copy)]
pub enum Lasts {
    /// Until another one is published: what is set, not measured.
    Always,
    /// As long as the writer lives, and for this time after each publication.
    For(Duration),
}

/// How a board is served.
#[derive(Clone)]
pub struct Terms {
    /// The board as the library names it.
    pub board: String,
    pub lasts: Lasts,
    pub is_writable: bool,
}

/// A board that is there.
pub struct Served {
    pub reader: Reader,
    pub terms: Terms,
}

/// The newest record, and how good it is.
pub struct Look {
    snapshot: Snapshot,
    status: StatusCode,
}

impl Look {
    pub fn stamp(&self) -> &Stamp {
        self.snapshot.stamp()
    }

    /// The record's status; that of an unknown field is another one.
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

/// What is told where no value is.
pub fn without_value(status: StatusCode) -> DataValue {
    DataValue {
        status: Some(status),
        server_timestamp: Some(DateTime::now()),
        ..DataValue::null()
    }
}

impl Served {
    pub fn look(&self) -> Result<Look, StatusCode> {
        let read =
            |reader: &Reader| -> pegel::Result<_> { Ok((reader.read()?, reader.writer_alive()?)) };
        let newest = match read(&self.reader) {
            // Replaced, which its follower is about to notice.
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
        let status = match self.terms.lasts {
            Lasts::Always => StatusCode::Good,
            Lasts::For(_) if stamp.is_default() => StatusCode::UncertainInitialValue,
            Lasts::For(time) if is_alive && !is_older(stamp, time) => StatusCode::Good,
            Lasts::For(_) => StatusCode::UncertainLastUsableValue,
        };
        Ok(Look { snapshot, status })
    }
}

/// Whether a record is older than that; of one whose writer leaves out the times nobody knows.
fn is_older(stamp: &Stamp, time: Duration) -> bool {
    stamp.is_timed() && Duration::from_nanos(stamp.age_ns.unsigned_abs()) > time
}
