//! Pegel keeps the latest value of something in POSIX shared memory, so that processes of any
//! language, user and lifetime read and write it directly.
//!
//! ```
//! use pegel::{Options, Reader, Record, Text, Writer};
//! # let directory = tempfile::tempdir()?;
//! # let board = format!("{}/tank", directory.path().display());
//! # let board = board.as_str();
//!
//! #[derive(Record)]
//! struct Tank {
//!     #[pegel(unit = "m", max = 5.0)]
//!     level: f64,
//!     inflow: Option<f32>,
//!     note: Text<24>,
//! }
//!
//! let mut writer = Writer::<Tank>::create(board, &Options::default())?;
//! writer.publish(&Tank { level: 3.21, inflow: None, note: Text::new("rising")? })?;
//!
//! let now = Reader::<Tank>::open(board)?.read()?;
//! assert_eq!(now.level, 3.21);
//! println!("sequence {}, {} ns old", now.stamp().sequence, now.stamp().age_ns);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`dynamic`] reads and writes boards whose fields are not known when the program is compiled.
//!
//! A board is named NAME, which is in `$PEGEL_DIR` or else `/dev/shm`, or DIRECTORY/NAME.

// For derived code, which names this crate `::pegel`, inside of it, too.
#[cfg(not(pegel_loom))]
extern crate self as pegel;

// From the ground up: ring, schema, segment, durable, board. `tests/loom.rs` models the ring alone;
// the rest needs real memory.
#[cfg(not(pegel_loom))]
mod board;
#[cfg(not(pegel_loom))]
mod clock;
#[cfg(not(pegel_loom))]
pub mod durable;
#[cfg(not(pegel_loom))]
mod error;
mod ring;
#[cfg(not(pegel_loom))]
mod schema;
#[cfg(not(pegel_loom))]
mod segment;

#[cfg(pegel_loom)]
pub use self::ring::{
    Head, Memory, Ring, STAMP_WORDS, Words,
    sync::{AtomicU64, Fault, crash_after, is_seeded, seed},
    wake_policy::{WAKE_INTERVAL_NS, longest_sleep, must_wake},
};

/// Boards whose fields are known when the program runs, not when it is compiled: records are values
/// by name, or bytes; documents are JSON, or bytes.
///
/// ```
/// use pegel::dynamic::{Reader, Writer};
/// use pegel::{Field, Options, Schema, Type};
/// # let directory = tempfile::tempdir()?;
/// # let board = format!("{}/tank", directory.path().display());
/// # let board = board.as_str();
///
/// let level = Field::new("level", Type::F64).unit("m").max(5);
/// let schema = Schema::new(vec![level, Field::text("note", 24).default("")])?;
/// let mut writer = Writer::create(board, &schema, &Options::default())?;
/// writer.publish(&schema.encode(&[("level", 3.21.into())])?)?;
///
/// let now = Reader::open(board)?.read()?;
/// assert_eq!(now.get("level")?, 3.21.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(not(pegel_loom))]
pub mod dynamic {
    pub use crate::board::follow::Follow;
    pub use crate::board::mirror::{Mirror, Origin};
    pub use crate::board::reader::Reader;
    pub use crate::board::snapshot::Snapshot;
    pub use crate::board::writer::Writer;
    pub use crate::schema::codec::{Encoded, Payload};
    pub use crate::segment::stamp::Publication;
}

#[cfg(not(pegel_loom))]
pub use pegel_derive::Record;

// For the program `pegel`, which writes its manual as atomically as snapshot files.
#[cfg(not(pegel_loom))]
#[doc(hidden)]
pub use self::board::snapshot_file::write_file;

#[cfg(not(pegel_loom))]
pub use self::{
    board::condition::Condition,
    board::info::Info,
    board::leftovers::{leftovers, remove_leftovers},
    board::lifecycle::{restore, unlink},
    board::options::Options,
    board::typed::{Reader, Snapshot, Writer},
    board::writer_process::WriterProcess,
    error::{Error, ErrorKind, Result},
    schema::Schema,
    schema::details::Details,
    schema::field::{Entry, Field, OPTIONAL},
    schema::record::{self, Record},
    schema::text::Text,
    schema::types::{Type, TypeClass},
    schema::value::Value,
    segment::path::{directory, list},
    segment::stamp::Stamp,
};
