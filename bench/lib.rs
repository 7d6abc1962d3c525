//! Boards to measure with.

use pegel::dynamic::Writer;
use pegel::{Field, Options, Schema, Type};
use tempfile::TempDir;

/// A temporary directory of boards.
pub struct Boards(TempDir);

impl Default for Boards {
    fn default() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").expect("/dev/shm takes files"))
    }
}

impl Boards {
    /// The board argument of a name.
    pub fn name(&self, board: &str) -> String {
        format!("{}/{board}", self.0.path().display())
    }

    /// A board with records of `size` bytes, a multiple of 8, and `slots`, 0 for the default.
    pub fn create(&self, board: &str, size: u32, slots: u32) -> Writer {
        let options = Options {
            slots,
            ..Options::default()
        };
        Writer::create(&self.name(board), &schema(size), &options).expect("a new board")
    }
}

/// Records of `size` bytes, a multiple of 8.
pub fn schema(size: u32) -> Schema {
    let words = Field::new("words", Type::U64).array(size / 8);
    Schema::new(vec![words]).expect("one field")
}
