use clap::Args;
use pegel_program::failure::Result;
use pegel_program::target::Target;

/// Remove a board that has no writer, and its durable file
#[derive(Args)]
pub struct Rm {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
}

impl Rm {
    pub fn run(self, target: &Target) -> Result<()> {
        Ok(pegel::unlink(&target.board(&self.name)?)?)
    }
}
