//! A bridge is a program beside `pegel`, as its libraries would make `pegel` larger and slower to
//! start.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use crate::failure::{Failure, Result};
use crate::target::Target;

/// Replaces this program by the one beside it, with the same command line. Returns only if that
/// fails.
pub fn exec(name: &str) -> Result<()> {
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
    target: Target,
    #[command(subcommand)]
    command: C,
}

/// Usage first, then what the command does.
const HELP: &str = "\
{before-help}{usage-heading} {usage}

{about-with-newline}
{all-args}{after-help}";

/// Parses the command line. Ends the program if that is wrong, or asks for help.
pub fn parse<P: Parser>() -> P {
    let matches = with_help(P::command()).get_matches();
    P::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// A command and its subcommands with the common form of help.
pub fn with_help(command: clap::Command) -> clap::Command {
    command.help_template(HELP).mut_subcommands(with_help)
}

/// The `main` of a bridge: parses the command line, runs the command, and reports its failure.
pub fn main<C: Subcommand>(run: impl FnOnce(C, Target) -> Result<()>) -> ExitCode {
    let Program { target, command } = parse();
    match run(command, target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
