//! Problems with boards, this machine or PHP, each with the command that fixes it.

mod boards;
mod durable;
mod machine;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "opcua")]
mod opcua;
mod php;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "sysv")]
mod sysv;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::{escape, json};
use serde_json::json;

const MORE: &str = "\
ok: as it should be. note: it works, but look at it. problem: something will
fail. The fix follows after an arrow. With --json, each finding is an object on
a line with `subject`, `status`, `message` and `fix` (null without one).

PHP itself reports how it reaches boards: the CLI, and each php-fpm whose socket
is in /run/php or named with --fpm. Only the socket's owner or root can ask it.

docs/sharing.md has the commands for boards of several users.

Exit status: 1 if there is a problem.

Examples:
  pegel doctor
  sudo pegel doctor --php
  pegel doctor --php --fpm 127.0.0.1:9000";

/// Find problems with boards, this machine or PHP, and how to fix them
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Doctor {
    /// Only PHP
    #[arg(long)]
    php: bool,
    /// Also ask this php-fpm: the path of its socket, or HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    fpm: Vec<String>,
    /// Package for PHP [default: the one installed with this program]
    #[arg(long, value_name = "DIRECTORY")]
    package: Option<PathBuf>,
    /// Configuration of the OPC UA server [default: /etc/pegel/opcua.toml, if present]
    #[cfg(feature = "opcua")]
    #[arg(long, value_name = "FILE")]
    opcua: Option<PathBuf>,
    /// Address of the HTTP server, ADDRESS:PORT or unix:PATH [default: 127.0.0.1:7070,
    /// if its unit is enabled]
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<pegel_program::args::serve::address::Address>,
    /// Print one JSON object a finding, one a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Ok,
    Note,
    Problem,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// The state of one subject.
struct Finding {
    subject: String,
    status: Status,
    message: String,
    fix: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            status: Status::Ok,
            message: message.into(),
            fix: None,
        }
    }

    /// A remark; `fix` is empty if none is needed, or if the message has it.
    fn note(
        subject: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Note,
            fix: Some(fix.into()).filter(|fix| !fix.is_empty()),
            ..Self::ok(subject, message)
        }
    }

    /// As [`Self::note`].
    fn problem(
        subject: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Problem,
            ..Self::note(subject, message, fix)
        }
    }
}

impl Doctor {
    pub fn run(self, target: &Target) -> Result<()> {
        let directory = target.directory();
        let mut findings = Vec::new();
        if !self.php {
            findings.extend(machine::look(&directory));
            findings.extend(boards::look(target, &directory));
            findings.extend(durable::look(target, &directory));
            #[cfg(feature = "mqtt")]
            findings.extend(mqtt::look(target, &directory));
            #[cfg(feature = "opcua")]
            findings.extend(opcua::look(self.opcua.as_deref()));
            #[cfg(feature = "serve")]
            findings.extend(serve::look(self.serve.as_ref()));
            #[cfg(feature = "sysv")]
            findings.extend(sysv::look(target, &directory));
        }
        findings.extend(php::look(&php::Question {
            package: self.package.clone(),
            named: &self.fpm,
            is_wanted: self.php,
            directory: &directory,
        }));
        for finding in &findings {
            self.print(finding)?;
        }
        match findings
            .iter()
            .filter(|finding| finding.status == Status::Problem)
            .count()
        {
            0 => Ok(()),
            1 => Err(Failure::Failed("1 problem found".to_owned())),
            count => Err(Failure::Failed(format!("{count} problems found"))),
        }
    }

    fn print(&self, finding: &Finding) -> Result<()> {
        let Finding {
            subject,
            status,
            message,
            fix,
        } = finding;
        let status = status.name();
        if self.json {
            let object =
                json!({ "subject": subject, "status": status, "message": message, "fix": fix });
            return Ok(json::print(&object)?);
        }
        let mut out = io::stdout().lock();
        let (subject, message) = (escape::line(subject), escape::line(message));
        writeln!(out, "{status:<7} {subject}: {message}")?;
        if let Some(fix) = fix {
            writeln!(out, "        -> {}", escape::line(fix))?;
        }
        Ok(())
    }
}
