//! The options of every command that select its boards.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use pegel::ErrorKind;
use pegel::dynamic::Reader;

use crate::failure::{Failure, Result};

/// Bits of the mode of a board that somebody else than its owner can read.
const READABLE: u32 = 0o044;

/// The directory of the boards, and whether boards of other users are opened.
#[derive(Args)]
pub struct Target {
    #[arg(long = "dir", value_name = "DIRECTORY", global = true)]
    #[arg(help = "Directory of the boards [default: $PEGEL_DIR, else /dev/shm]")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    directory: Option<String>,
    /// Also show boards of other users, and world-writable ones
    #[arg(long, global = true)]
    untrusted: bool,
}

impl Target {
    /// The directory of --dir, or else the library's default.
    pub fn directory(&self) -> PathBuf {
        let given = self.directory.as_ref();
        given.map_or_else(pegel::directory, PathBuf::from)
    }

    /// Opens the board NAME. A truncated file is then an error, and does not kill the process.
    pub fn reader(&self, name: &str) -> Result<Reader> {
        Ok(self.open(&self.board(name)?)?)
    }

    /// As [`Self::reader`], with the name that [`Self::board`] returned.
    pub fn open(&self, board: &str) -> pegel::Result<Reader> {
        if self.untrusted {
            Reader::open_untrusted(board)
        } else {
            Reader::open_unmapped(board)
        }
    }

    /// As [`Self::open`], for a bridge. More users can reach it than can read the file: so a board
    /// that only its owner can read is refused, unless the command line names it.
    pub fn open_served(&self, board: &str, is_named: bool) -> pegel::Result<Reader> {
        let reader = self.open(board)?;
        let mode = reader.info().mode;
        if is_named || mode & READABLE != 0 {
            return Ok(reader);
        }
        let name = reader.board();
        let message = format!(
            "board {name}: only its owner can read it (mode {mode:04o}). Use --board {name} to \
             serve it"
        );
        Err(pegel::Error::new(ErrorKind::Denied, message))
    }

    /// As [`Self::board`], with a name from a file. It must not have a directory, or the file could
    /// make this program write anywhere.
    pub fn board_in_file(&self, file: &Path, name: &str) -> Result<String> {
        if name.contains('/') {
            let file = file.display();
            return Err(Failure::Failed(format!(
                "{file}: the board's name must not have a directory (got {name:?}). Give \
                 DIRECTORY/NAME on the command line"
            )));
        }
        self.board(name)
    }

    /// The name of the board for the library: with the directory, if --dir gives one.
    pub fn board(&self, name: &str) -> Result<String> {
        match &self.directory {
            None => Ok(name.to_owned()),
            Some(directory) if !name.contains('/') => Ok(format!("{directory}/{name}")),
            Some(directory) => Err(Failure::Usage(format!(
                "{name} already has a directory; leave out --dir {directory}"
            ))),
        }
    }
}
