use std::io;

use clap::{Args, Command};
use clap_complete::{Shell, generate};
use pegel_program::failure::Result;

/// Print the completion script of a shell
#[derive(Args)]
pub struct Completions {
    /// Shell; for bash, write to ~/.local/share/bash-completion/completions/pegel
    shell: Shell,
}

impl Completions {
    pub fn run(self, mut program: Command) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut program, "pegel", &mut script);
        Ok(io::Write::write_all(&mut io::stdout(), &script)?)
    }
}
