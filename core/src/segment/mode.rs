//! The permissions of a board's files.

/// The permissions of a board by default.
pub const DEFAULT_MODE: u32 = 0o640;

/// The nearest permissions that a board may have.
pub fn valid_mode(mode: u32) -> u32 {
    mode & 0o664 | 0o600
}

/// Whether a board may have these permissions.
pub fn is_mode(mode: u32) -> bool {
    mode & !0o664 == 0 && mode & 0o600 == 0o600
}

/// Read and write for the classes that may write the board, and nothing for others, as anyone who
/// can read a file can lock it.
pub fn writers_only(board_mode: u32) -> u32 {
    let writers = board_mode & 0o222;
    writers | writers << 1
}
