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
//! Fields that are not known when compiling are values by name: [`dynamic`].
//!
//! A board is NAME, in `$PEGEL_DIR` or else `/dev/shm`, or DIRECTORY/NAME.

// The derived code says `::pegel`, here too.
#[cfg(not(pegel_loom))]
extern crate self as pegel;

mod blocks;
mod copy;
#[cfg_attr(pegel_loom, allow(dead_code))]
mod layout;
mod ring;
mod sync;
mod waking;

/// What `tests/loom.rs` models; the rest needs real memory.
#[cfg(pegel_loom)]
pub use self::{
    layout::STAMP_WORDS,
    ring::{Head, Memory, Ring, Words},
    sync::{AtomicU64, Fault, is_seeded, live_for, seed},
    waking::{BRISK_NS, has_to_wake, longest_sleep},
};

#[cfg(not(pegel_loom))]
mod board;
#[cfg(not(pegel_loom))]
mod checksum;
#[cfg(not(pegel_loom))]
mod clock;
#[cfg(not(pegel_loom))]
mod codec;
#[cfg(not(pegel_loom))]
mod creation;
#[cfg(not(pegel_loom))]
mod details;
#[cfg(not(pegel_loom))]
pub mod durable;
#[cfg(not(pegel_loom))]
mod error;
#[cfg(not(pegel_loom))]
mod evolution;
#[cfg(not(pegel_loom))]
mod field;
#[cfg(not(pegel_loom))]
mod follow;
#[cfg(not(pegel_loom))]
mod info;
#[cfg(not(pegel_loom))]
mod kept;
#[cfg(not(pegel_loom))]
mod lock;
#[cfg(not(pegel_loom))]
mod mirror;
#[cfg(not(pegel_loom))]
mod place;
#[cfg(not(pegel_loom))]
mod reader;
#[cfg(not(pegel_loom))]
pub mod record;
#[cfg(not(pegel_loom))]
mod saving;
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
mod unmapped;
#[cfg(not(pegel_loom))]
mod value;
#[cfg(not(pegel_loom))]
mod wait;
#[cfg(not(pegel_loom))]
mod wanted;
#[cfg(not(pegel_loom))]
mod writer;

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
    pub use crate::codec::{Encoded, Payload};
    pub use crate::follow::Follow;
    pub use crate::mirror::{Mirror, Origin};
    pub use crate::reader::Reader;
    pub use crate::snapshot::{Publication, Snapshot};
    pub use crate::writer::Writer;
}

#[cfg(not(pegel_loom))]
pub use pegel_derive::Record;

#[cfg(not(pegel_loom))]
pub use self::{
    creation::{Options, restore, unlink},
    details::Details,
    error::{Error, ErrorKind, Result},
    field::{Entry, Field, OPTIONAL, Type},
    info::Info,
    place::{directory, list},
    record::Record,
    schema::Schema,
    snapshot::Stamp,
    text::Text,
    typed::{Reader, Snapshot, Writer},
    value::Value,
    writer::Condition,
};
