//! A segment: the file that a board is. Its layout, its paths, whom it is trusted from, its memory. What the
//! words of the memory mean is the ring's business.

pub mod checksum;
pub mod draft;
pub mod layout;
pub mod lock;
pub mod mapping;
pub mod path;
pub mod pread_ring;
pub mod removal;
pub mod trust;

pub use self::draft::{Draft, check_limit, give};
pub use self::mapping::{BlockMapping, Mapping, Segment};
pub use self::removal::{Aside, check_removable, remove, remove_left};
