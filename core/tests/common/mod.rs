//! A directory of boards, and what the tests publish there.

use std::path::PathBuf;

use pegel::{ErrorKind, Field, Schema, Type};
use tempfile::TempDir;

pub struct Boards(pub TempDir);

impl Boards {
    pub fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    pub fn name(&self, board: &str) -> String {
        format!("{}/{board}", self.0.path().display())
    }

    pub fn file(&self, board: &str) -> PathBuf {
        self.0.path().join(format!("pegel.{board}"))
    }
}

pub fn level() -> Schema {
    Schema::new(vec![Field::new("level", Type::F64).unit("m")]).unwrap()
}

pub fn record(level: f64) -> [u8; 8] {
    level.to_ne_bytes()
}

pub fn kind<T: std::fmt::Debug>(result: pegel::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}
