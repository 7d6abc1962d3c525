//! The commands, a file each.

pub mod bench;
pub mod completions;
pub mod create;
pub mod doctor;
pub mod dump;
pub mod gc;
pub mod generate;
pub mod get;
pub mod keep;
pub mod load;
pub mod ls;
pub mod man;
pub mod rm;
pub mod schema;
pub mod serial;
pub mod set;
pub mod show;
pub mod sync;
#[cfg(feature = "sysv")]
pub mod sysv;
pub mod watch;
