//! The ring of slots that readers copy from without locks. [`protocol`] is the protocol, the other
//! modules are its parts. `tests/loom.rs` models all of it.

pub mod blocks;
pub mod copy;
mod protocol;
pub mod sync;
pub mod wake_policy;

pub use self::protocol::*;
