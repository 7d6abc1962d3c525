//! The ring of slots that readers copy from without locks: [`protocol`] is the whole of it, the rest is what it is
//! made of. This is what `tests/loom.rs` models.

pub mod blocks;
pub mod copy;
mod protocol;
pub mod sync;
pub mod wake_policy;

pub use self::protocol::*;
