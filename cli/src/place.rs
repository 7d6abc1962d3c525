//! Where the boards are.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use pegel::dynamic::Reader;

use crate::failure::{Failure, Result};

#[derive(Args)]
pub struct Place {
    #[arg(long = "dir", value_name = "DIRECTORY", global = true)]
    #[arg(help = "Directory of the boards [default: $PEGEL_DIR, else /dev/shm]")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    directory: Option<String>,
    /// Show boards of strangers, too, and what everybody may write
    #[arg(long, global = true)]
    untrusted: bool,
}

impl Place {
    pub fn directory(&self) -> PathBuf {
        let given = self.directory.as_ref();
        given.map_or_else(pegel::directory, PathBuf::from)
    }

    /// A reader of the board, which ends no program whose board somebody cuts off.
    pub fn reader(&self, name: &str) -> Result<Reader> {
        Ok(self.open(&self.board(name)?)?)
    }

    /// As `reader`, of a board as the library names it.
    pub fn open(&self, board: &str) -> pegel::Result<Reader> {
        if self.untrusted {
            Reader::open_untrusted(board)
        } else {
            Reader::open_unmapped(board)
        }
    }

    /// The board as the library names it.
    pub fn board(&self, name: &str) -> Result<String> {
        match &self.directory {
            None => Ok(name.to_owned()),
            Some(directory) if !name.contains('/') => Ok(format!("{directory}/{name}")),
            Some(directory) => Err(Failure::Usage(format!(
                "{name} says its directory itself; leave out --dir {directory}"
            ))),
        }
    }
}
