use std::io::{self, Write};

use clap::Args;

use crate::description;
use crate::failure::{Failure, Result};
use crate::place::Place;

const MORE: &str = "\
The board alone tells it: fields, units, defaults, limits, labels. `pegel create`
makes the same board from it elsewhere.

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
    pub fn run(self, place: &Place) -> Result<()> {
        let reader = place.reader(&self.name)?;
        let file = description::write(&reader)
            .map_err(|reason| Failure::Failed(format!("board {}: {reason}", reader.board())))?;
        Ok(write!(io::stdout(), "{file}")?)
    }
}
