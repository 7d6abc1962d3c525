//! Random bits.

use std::hash::{BuildHasher, Hasher, RandomState};

/// 64 random bits, from the standard library's only source of them.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
