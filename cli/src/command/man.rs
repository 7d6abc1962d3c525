use std::path::PathBuf;

use clap::{Args, Command};
use pegel_program::failure::{Failure, Result};

/// Write the manual into a directory, a page a command
#[derive(Args)]
pub struct Man {
    pages: PathBuf,
}

impl Man {
    pub fn run(self, program: Command) -> Result<()> {
        let shown = self.pages.display();
        clap_mangen::generate_to(program, &self.pages).map_err(|error| {
            Failure::Failed(format!("cannot write the manual into {shown}: {error}"))
        })
    }
}
