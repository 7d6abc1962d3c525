//! A segment: the file of a board, with its layout, paths, locks, trust and memory. The ring
//! defines what the words of that memory mean.

pub mod checksum;
pub mod draft;
pub mod layout;
pub mod lock;
pub mod mapping;
pub mod mode;
pub mod path;
pub mod pread_ring;
mod random;
pub mod removal;
pub mod seed;
pub mod stamp;
pub mod trust;

pub use self::draft::{Draft, check_limit, give, sync_directory};
pub use self::mapping::{BlockMapping, Mapping, Segment};
pub use self::random::random;
pub use self::removal::{HiddenFile, check_removable, remove, remove_left};
