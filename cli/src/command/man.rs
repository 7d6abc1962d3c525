use std::path::{Path, PathBuf};

use clap::{Args, Command};
use pegel_program::failure::Result;

/// Write the manual into a directory, a page a command
#[derive(Args)]
pub struct Man {
    pages: PathBuf,
}

impl Man {
    pub fn run(self, program: Command) -> Result<()> {
        let mut program = program.disable_help_subcommand(true);
        program.build();
        write(program, &self.pages)
    }
}

fn write(command: Command, pages: &Path) -> Result<()> {
    for command in command.get_subcommands() {
        if !command.is_hide_set() {
            write(command.clone(), pages)?;
        }
    }
    let page = clap_mangen::Man::new(command);
    let file = pages.join(page.get_filename());
    Ok(pegel::write_file(&file, 0o644, |mut file| {
        page.render(&mut file)
    })?)
}
