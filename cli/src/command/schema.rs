use std::io::{self, Write};

use clap::Args;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;

use crate::description;

const MORE: &str = "\
All of it is in the board: fields, units, defaults, limits, labels. `pegel
create` creates the same board from it elsewhere.

Examples:
  pegel schema tank > tank.toml";

/// Print the schema file that describes a board
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Schema {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
}

impl Schema {
    pub fn run(self, target: &Target) -> Result<()> {
        let reader = target.reader(&self.name)?;
        let file = description::write(&reader)
            .map_err(|reason| Failure::Failed(format!("board {}: {reason}", reader.board())))?;
        Ok(write!(io::stdout(), "{file}")?)
    }
}
