//! Pegel keeps the latest value of something in POSIX shared memory, so that processes of any
//! language, user and lifetime read and write it directly.
//!
//! ```
//! use pegel::dynamic::{Reader, Writer};
//! use pegel::{Field, Options, Schema, Type, Value};
//! # let directory = tempfile::tempdir()?;
//! # let board = format!("{}/tank", directory.path().display());
//! # let board = board.as_str();
//!
//! let schema = Schema::new(vec![Field::new("level", Type::F64).unit("m"), Field::text("note", 24)])?;
//! let mut writer = Writer::create(board, &schema, &Options::default())?;
//! let record = schema.encode(&[("level", Value::Float(3.21)), ("note", Value::Text("rising".into()))])?;
//! writer.publish(&record)?;
//!
//! let now = Reader::open(board)?.read()?;
//! assert_eq!(now.get("level")?, Value::Float(3.21));
//! println!("sequence {}, {} ns old", now.stamp().sequence, now.stamp().age_ns);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A board is NAME, in `$PEGEL_DIR` or else `/dev/shm`, or DIRECTORY/NAME.

// The derived code says `::pegel`, here too.
#[cfg(not(pegel_loom))]
extern crate self as pegel;

mod copy;
mod layout;
mod ring;
mod sync;

/// What `tests/loom.rs` models; the rest needs real memory.
#[cfg(pegel_loom)]
pub use self::{
    layout::STAMP_WORDS,
    ring::{Copied, Head, Ring},
    sync::{AtomicU64, Fault, seed},
};

#[cfg(not(pegel_loom))]
mod board;
#[cfg(not(pegel_loom))]
mod clock;
#[cfg(not(pegel_loom))]
mod codec;
#[cfg(not(pegel_loom))]
mod creation;
#[cfg(not(pegel_loom))]
mod details;
#[cfg(not(pegel_loom))]
mod error;
#[cfg(not(pegel_loom))]
mod evolution;
#[cfg(not(pegel_loom))]
mod field;
#[cfg(not(pegel_loom))]
mod follow;
#[cfg(not(pegel_loom))]
mod place;
#[cfg(not(pegel_loom))]
mod reader;
#[cfg(not(pegel_loom))]
pub mod record;
#[cfg(not(pegel_loom))]
mod schema;
#[cfg(not(pegel_loom))]
mod segment;
#[cfg(not(pegel_loom))]
mod snapshot;
#[cfg(not(pegel_loom))]
mod text;
#[cfg(not(pegel_loom))]
mod trust;
#[cfg(not(pegel_loom))]
mod turn;
#[cfg(not(pegel_loom))]
mod typed;
#[cfg(not(pegel_loom))]
mod value;
#[cfg(not(pegel_loom))]
mod writer;

/// Boards whose fields are known when the program runs, not when it is compiled: records are values
/// by name, or bytes.
#[cfg(not(pegel_loom))]
pub mod dynamic {
    pub use crate::codec::{Encoded, Payload};
    pub use crate::follow::Follow;
    pub use crate::reader::Reader;
    pub use crate::snapshot::{Publication, Snapshot};
    pub use crate::writer::Writer;
}

#[cfg(not(pegel_loom))]
pub use pegel_derive::Record;

#[cfg(not(pegel_loom))]
pub use self::{
    creation::{Options, unlink},
    details::Details,
    error::{Error, ErrorKind, Result},
    field::{Entry, Field, OPTIONAL, Type},
    place::{directory, list},
    reader::Info,
    record::Record,
    schema::Schema,
    snapshot::Stamp,
    text::Text,
    typed::{Reader, Snapshot, Writer},
    value::Value,
    writer::Condition,
};
