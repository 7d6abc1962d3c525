use clap::Args;

use crate::failure::Result;
use crate::place::Place;

/// Remove a board that has no writer, with its durable file; its readers are told
#[derive(Args)]
pub struct Rm {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
}

impl Rm {
    pub fn run(self, place: &Place) -> Result<()> {
        Ok(pegel::unlink(&place.board(&self.name)?)?)
    }
}
