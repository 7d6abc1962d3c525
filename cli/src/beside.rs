//! Programs beside this one, which do what would make this one larger and slower to start.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use crate::failure::{Failure, Result};
use crate::place::Place;

/// Starts one in the place of this one, with the same command line. Only when this fails does it come back.
pub fn start(name: &str) -> Result<()> {
    let this = env::current_exe()
        .map_err(|error| Failure::Failed(format!("cannot find {name}: {error}")))?;
    let program = this.with_file_name(name);
    let error = Command::new(&program).args(env::args_os().skip(1)).exec();
    Err(Failure::Failed(format!(
        "cannot start {}: {error}; install it beside {}",
        program.display(),
        this.display()
    )))
}

/// The command line of `pegel`, which hands it over as it is.
#[derive(Parser)]
#[command(name = "pegel", version, max_term_width = 80)]
struct Program<C: Subcommand> {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: C,
}

/// What one of them is from its start to its end.
pub fn main<C: Subcommand>(run: impl FnOnce(C, Place) -> Result<()>) -> ExitCode {
    let Program { place, command } = Program::parse();
    match run(command, place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
