//! What is wrong with boards, this machine or PHP, and what to do about it.

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
ok: as it should be. note: it works, but look at it. wrong: something will fail.
What to do stands below each after an arrow. With --json, each is an object on a
line with `about`, `state`, `told` and `remedy` (null if there is none).

PHP is asked itself how it reaches boards: the CLI, and each php-fpm whose
socket is in /run/php or named with --fpm. The socket's owner or root may ask.

Exit status: 1 if something is wrong.

Examples:
  pegel doctor
  sudo pegel doctor --php
  pegel doctor --php --fpm 127.0.0.1:9000";

/// Look for what is wrong with boards, this machine or PHP, and say what to do
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Doctor {
    /// Only PHP
    #[arg(long)]
    php: bool,
    /// A php-fpm to ask: the path of its socket, or HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    fpm: Vec<String>,
    /// The package as PHP loads it [default: the one that was installed with this
    /// program, or stands beside it]
    #[arg(long, value_name = "DIRECTORY")]
    package: Option<PathBuf>,
    /// The configuration of a server for OPC UA [default: /etc/pegel/opcua.toml, if it
    /// is there]
    #[cfg(feature = "opcua")]
    #[arg(long, value_name = "FILE")]
    opcua: Option<PathBuf>,
    /// Where a server for HTTP should listen: ADDRESS:PORT or unix:PATH [default:
    /// 127.0.0.1:7070, if its unit is enabled]
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<pegel_program::args::serve::address::Address>,
    /// Print one JSON object a finding, one a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Ok,
    Note,
    Wrong,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// What was found out about one thing.
struct Finding {
    about: String,
    state: State,
    told: String,
    remedy: Option<String>,
}

impl Finding {
    fn ok(about: impl Into<String>, told: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            state: State::Ok,
            told: told.into(),
            remedy: None,
        }
    }

    fn note(about: impl Into<String>, told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Note,
            remedy: Some(remedy.into()).filter(|remedy| !remedy.is_empty()),
            ..Self::ok(about, told)
        }
    }

    fn wrong(about: impl Into<String>, told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Wrong,
            ..Self::note(about, told, remedy)
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
            .filter(|one| one.state == State::Wrong)
            .count()
        {
            0 => Ok(()),
            1 => Err(Failure::Failed("one thing is wrong".to_owned())),
            count => Err(Failure::Failed(format!("{count} things are wrong"))),
        }
    }

    fn print(&self, finding: &Finding) -> Result<()> {
        let Finding {
            about,
            state,
            told,
            remedy,
        } = finding;
        if self.json {
            let state = state.name();
            let object = json!({ "about": about, "state": state, "told": told, "remedy": remedy });
            return Ok(json::print(&object)?);
        }
        let mut out = io::stdout().lock();
        let (state, told) = (state.name(), escape::line(told));
        writeln!(out, "{state:<6} {}: {told}", escape::line(about))?;
        if let Some(remedy) = remedy {
            writeln!(out, "       -> {}", escape::line(remedy))?;
        }
        Ok(())
    }
}
