//! Where the boards are.

use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::failure::{Failure, Result};

#[derive(Args)]
pub struct Place {
    #[arg(long = "dir", value_name = "DIRECTORY", global = true)]
    #[arg(help = "Directory of the boards [default: $PEGEL_DIR, else /dev/shm]")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    directory: Option<String>,
}

impl Place {
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref().map(Path::new)
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
