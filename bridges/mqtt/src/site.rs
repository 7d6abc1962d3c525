//! What there is to do, as the command line says, and what all connections share.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::gethostname;
use pegel_program::args::mqtt::topic::{Source, Topic};
use pegel_program::args::mqtt::{Mqtt, STATUS};
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use tokio::task::JoinHandle;

use crate::connection::Network;
use crate::status::Status;
use crate::{command, mirror, publish};

/// What is done with a board.
#[derive(Clone)]
pub struct Plan {
    /// As the library opens it.
    pub board: String,
    pub topic: Topic,
    /// Names its connections at the broker.
    pub client: String,
    /// Written by turns, or else so that its values last.
    pub is_setting: bool,
    pub is_writable: bool,
    /// Whether it is published only as it is one of all.
    pub is_any: bool,
}

/// The boards that are published, by their names.
pub type Served = HashMap<String, JoinHandle<()>>;

pub struct Site {
    pub target: Target,
    pub network: Network,
    pub status: Status,
    pub home_assistant: Option<Topic>,
    pub min_interval: Duration,
    /// How long a command waits for another writer.
    pub patience: Duration,
    prefix: Topic,
    host: String,
    /// By their names.
    plans: BTreeMap<String, Plan>,
    is_all: bool,
    mirrors: Vec<(Source, String)>,
    /// Of the bridge's own board.
    own: String,
}

impl Site {
    pub fn new(wanted: Mqtt, target: Target) -> Result<Self> {
        let host = gethostname().map(|name| name.to_string_lossy().into_owned());
        let host = host.unwrap_or_else(|_| "localhost".to_owned());
        let prefix = match &wanted.prefix {
            Some(prefix) => prefix.clone(),
            None => format!("pegel/{host}").parse().map_err(|_| {
                let message = format!("this machine's name {host:?} is no topic; give --prefix");
                Failure::Usage(message)
            })?,
        };
        let password = wanted.password_file.as_deref().map(password).transpose()?;
        let mut this = Self {
            network: Network::new(&wanted, wanted.user.clone().zip(password))
                .map_err(Failure::Failed)?,
            status: Status::default(),
            home_assistant: wanted.home_assistant,
            min_interval: wanted.min_interval,
            patience: wanted.timeout,
            prefix,
            host,
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
        let mut mirrored = HashSet::new();
        for source in wanted.mirror {
            let board = this.target.board(&source.board)?;
            if this.plans.values().any(|plan| plan.board == board)
                || !mirrored.insert(board.clone())
            {
                let message = format!("board {} is named twice", source.board);
                return Err(Failure::Usage(message));
            }
            this.mirrors.push((source, board));
        }
        Ok(this)
    }

    fn add(&mut self, board: &str, is_setting: bool, is_writable: bool) -> Result<()> {
        let name = name_of(board).to_owned();
        let plan = Plan {
            is_setting,
            is_writable,
            is_any: false,
            ..self.plan(&name, self.target.board(board)?)
        };
        if let Some(before) = self.plans.get_mut(&name) {
            if before.board != plan.board {
                let message = format!("two boards are called {name}; publish them by two bridges");
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
            is_any: true,
        }
    }

    /// Starts what the command line names, and says which boards are published.
    pub fn start(self: &Arc<Self>) -> Served {
        for (source, board) in &self.mirrors {
            let client = format!("pegel-mirror/{}/{}", self.host, name_of(board));
            let task = mirror::run(
                Arc::clone(self),
                source.topic.clone(),
                board.clone(),
                client,
            );
            tokio::spawn(task);
        }
        let mut served = Served::new();
        for (name, plan) in &self.plans {
            let task = tokio::spawn(publish::run(Arc::clone(self), plan.clone()));
            served.insert(name.clone(), task);
            if plan.is_writable {
                tokio::spawn(command::run(Arc::clone(self), plan.clone()));
            }
        }
        served
    }

    /// Starts to publish boards that are new, if all are published.
    pub fn start_new(self: &Arc<Self>, served: &mut Served) {
        if !self.is_all {
            return;
        }
        // What was removed, or was no board of this machine's own, may be one by now.
        served.retain(|_, task| !task.is_finished());
        let directory = self.target.directory();
        // A directory that is not there has none.
        for name in pegel::list(Some(&directory)).unwrap_or_default() {
            // To tell of itself would be news each time; so would two bridges that tell of each other.
            if name == self.own || name.starts_with(STATUS) || served.contains_key(&name) {
                continue;
            }
            let plan = self.plan(&name, format!("{}/{name}", directory.display()));
            let task = tokio::spawn(publish::run(Arc::clone(self), plan));
            served.insert(name, task);
        }
    }
}

fn name_of(board: &str) -> &str {
    board.rsplit('/').next().unwrap_or(board)
}

/// The first line of a file that not everybody may read.
fn password(path: &Path) -> Result<String> {
    let shown = path.display();
    let failed = |error| Failure::Failed(format!("cannot read the password {shown}: {error}"));
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        let message = format!("everybody may read or write the password {shown}: chmod o= {shown}");
        return Err(Failure::Failed(message));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
