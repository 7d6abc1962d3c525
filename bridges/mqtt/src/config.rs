//! The configuration: the boards that the command line names, and what all connections share.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix::unistd::gethostname;
use pegel_program::args::mqtt::topic::{Source, Topic};
use pegel_program::args::mqtt::{Mqtt, STATUS};
use pegel_program::failure::{Failure, Result};
use pegel_program::refusals::Refusals;
use pegel_program::status::{Number, Status};
use pegel_program::target::Target;

use crate::connection::Network;

/// The numbers of the status board.
const NUMBERS: [Number; 6] = [
    ("connections", "Connections that should exist"),
    ("connected", "Connections that work"),
    ("published", "Records that were published"),
    ("accepted", "Commands that were published"),
    ("rejected", "Commands that were rejected"),
    ("mirrored", "Remote records that were shown"),
];

/// How a board is published.
#[derive(Clone)]
pub struct Plan {
    /// The board as the library opens it.
    pub board: String,
    pub topic: Topic,
    /// The name of its connections at the broker.
    pub client: String,
    /// Whether the board stays valid without a live writer.
    pub is_setting: bool,
    pub is_writable: bool,
    /// Whether the board is published only because all boards are.
    pub is_discovered: bool,
}

/// A board that shows a remote one.
#[derive(Clone)]
pub struct MirrorPlan {
    pub topic: Topic,
    /// The board as the library opens it.
    pub board: String,
    /// The name of its connection at the broker.
    pub client: String,
}

pub struct Config {
    pub target: Target,
    pub network: Network,
    pub status: Status,
    pub home_assistant: Option<Topic>,
    pub min_interval: Duration,
    /// How long a command waits for the writer lock.
    pub timeout: Duration,
    /// The boards that are named, by name.
    pub plans: BTreeMap<String, Plan>,
    pub mirrors: Vec<MirrorPlan>,
    prefix: Topic,
    is_all: bool,
    /// The name of the status board.
    own: String,
}

impl Config {
    pub fn new(wanted: Mqtt, target: Target) -> Result<Self> {
        let status = target.board(&wanted.status)?;
        let host = gethostname().map(|name| name.to_string_lossy().into_owned());
        let host = host.unwrap_or_else(|_| "localhost".to_owned());
        let prefix = match &wanted.prefix {
            Some(prefix) => prefix.clone(),
            None => format!("pegel/{host}").parse().map_err(|_| {
                let message =
                    format!("the name of this machine is not a topic (got {host:?}); use --prefix");
                Failure::Usage(message)
            })?,
        };
        let password = wanted.password_file.as_deref().map(password).transpose()?;
        let mut this = Self {
            network: Network::new(&wanted, wanted.user.clone().zip(password))
                .map_err(Failure::Failed)?,
            status: Status::create(&status, "Boards by MQTT", &NUMBERS)?,
            home_assistant: wanted.home_assistant,
            min_interval: wanted.min_interval,
            timeout: wanted.timeout,
            prefix,
            plans: BTreeMap::new(),
            is_all: wanted.board.is_empty()
                && wanted.write.is_empty()
                && wanted.settings.is_empty()
                && wanted.mirror.is_empty(),
            mirrors: Vec::new(),
            own: name_of(&wanted.status).to_owned(),
            target,
        };
        let named = [&wanted.board, &wanted.settings, &wanted.write];
        for (kind, boards) in named.into_iter().enumerate() {
            for board in boards {
                this.add(board, kind > 0, kind > 1)?;
            }
        }
        for source in wanted.mirror {
            this.add_mirror(source, &host)?;
        }
        Ok(this)
    }

    fn add_mirror(&mut self, source: Source, host: &str) -> Result<()> {
        let board = self.target.board(&source.board)?;
        if self.plans.values().any(|plan| plan.board == board)
            || self.mirrors.iter().any(|mirror| mirror.board == board)
        {
            let message = format!("board {} is named twice", source.board);
            return Err(Failure::Usage(message));
        }
        self.mirrors.push(MirrorPlan {
            topic: source.topic,
            client: format!("pegel-mirror/{host}/{}", name_of(&board)),
            board,
        });
        Ok(())
    }

    fn add(&mut self, board: &str, is_setting: bool, is_writable: bool) -> Result<()> {
        let name = name_of(board).to_owned();
        let plan = Plan {
            is_setting,
            is_writable,
            is_discovered: false,
            ..self.plan(&name, self.target.board(board)?)
        };
        if let Some(before) = self.plans.get_mut(&name) {
            if before.board != plan.board {
                let message =
                    format!("two boards have the name {name}; publish them with two bridges");
                return Err(Failure::Usage(message));
            }
            before.is_setting |= is_setting;
            before.is_writable |= is_writable;
            return Ok(());
        }
        self.plans.insert(name, plan);
        Ok(())
    }

    fn plan(&self, name: &str, board: String) -> Plan {
        let topic = self.prefix.below(name);
        Plan {
            board,
            client: topic.clone(),
            topic: topic.parse().expect("a prefix and the name of a board"),
            is_setting: false,
            is_writable: false,
            is_discovered: true,
        }
    }

    /// The boards of the directory, if all are published.
    pub fn discovered(
        &self,
        refusals: &mut Refusals,
        is_published: impl Fn(&str) -> bool,
    ) -> Vec<(String, Plan)> {
        if !self.is_all {
            return Vec::new();
        }
        let directory = self.target.directory();
        // A directory that does not exist has no boards.
        let names = pegel::list(Some(&directory)).unwrap_or_default();
        // A bridge that published its own status board, or two that published each other's, would
        // never rest.
        let names = names
            .into_iter()
            .filter(|name| *name != self.own && !name.starts_with(STATUS));
        let path = |name: &str| format!("{}/{name}", directory.display());
        let is_usable = |name: &str| {
            Ok(is_published(name) || !self.target.open_served(&path(name), false)?.info().mirror)
        };
        let names = refusals.filter(&directory, names.collect(), is_usable);
        names
            .into_iter()
            .map(|name| {
                let plan = self.plan(&name, path(&name));
                (name, plan)
            })
            .collect()
    }
}

fn name_of(board: &str) -> &str {
    board.rsplit('/').next().unwrap_or(board)
}

/// The first line of a file that must not be world-readable.
fn password(path: &Path) -> Result<String> {
    let shown = path.display();
    let failed = |error| Failure::Failed(format!("cannot read password file {shown}: {error}"));
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        let message =
            format!("password file {shown} is accessible to every user: chmod o= {shown}");
        return Err(Failure::Failed(message));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
