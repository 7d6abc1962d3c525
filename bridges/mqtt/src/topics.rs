//! What is published at the topic `writer` of a board.

/// The board has a live writer.
pub const ALIVE: &str = "alive";
/// The board is valid without a live writer.
pub const SHARED: &str = "shared";
/// The writer, or the bridge, is gone.
pub const GONE: &str = "gone";
