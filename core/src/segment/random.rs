//! Random bits.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Drawn anew at each call: the one way to random bits in the standard library.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
