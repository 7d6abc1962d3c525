//! Why a command failed, and the exit status that says so.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use pegel::ErrorKind;

use crate::escape;

/// Why a command failed.
pub enum Failure {
    /// The command line is wrong, whatever the boards hold.
    Usage(String),
    /// The command line is right, but the command could not do its work.
    Failed(String),
    /// Standard output cannot be written to.
    Output(io::Error),
}

/// What a command returns.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The same failure, with the name of the board in its message.
    #[must_use]
    pub fn of(self, board: &str) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(format!("board {board}: {message}")),
            other => other,
        }
    }

    /// Prints the message to standard error and returns the exit status.
    pub fn report(self) -> ExitCode {
        let status = match self {
            Self::Usage(_) => 2,
            // `pegel watch tank | head -1`: the other side has what it wanted.
            Self::Output(ref error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Failed(_) | Self::Output(_) => 1,
        };
        // Where standard error is closed too, the status still says it.
        let _ = writeln!(io::stderr(), "pegel: {}", escape::lines(&self.to_string()));
        ExitCode::from(status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => formatter.write_str(message),
            Self::Output(error) => write!(formatter, "cannot write to standard output: {error}"),
        }
    }
}

impl From<pegel::Error> for Failure {
    fn from(error: pegel::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidArgument => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
