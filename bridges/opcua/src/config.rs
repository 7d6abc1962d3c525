//! The configuration: the command line and the configuration file together.

use std::collections::HashSet;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pegel_program::args::opcua::Opcua;
use pegel_program::args::opcua::config::{self, LISTEN, Policy};
use pegel_program::args::opcua::passwords::{self, Passwords};
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;

use crate::board_view::{self, Validity};

/// The policies with encryption and signatures, which passwords need.
const SECURE: [Policy; 3] = [
    Policy::Basic256Sha256,
    Policy::Aes128Sha256RsaOaep,
    Policy::Aes256Sha256RsaPss,
];

/// The boards to serve, and how.
pub struct Config {
    pub listen: SocketAddr,
    pub host: String,
    pub named: Vec<String>,
    pub rules: Rules,
    pub timeout: Duration,
    pub status: String,
    pub state_dir: PathBuf,
    pub passwords: Passwords,
    pub security: Vec<Policy>,
    pub anonymous: bool,
    pub any_client: bool,
}

/// How each board is served; a board that is not named is read-only.
#[derive(Clone)]
pub struct Rules {
    write: Vec<String>,
    settings: Vec<String>,
    stale_after: Duration,
    /// Whether a client needs neither a password nor a trusted certificate.
    is_open: bool,
}

impl Rules {
    /// Whether a board with this mode must not be written: only its owner can read it, and the
    /// server lets everyone in.
    pub fn protects(&self, mode: u32) -> bool {
        const OTHERS: u32 = 0o077;
        self.is_open && mode & OTHERS == 0
    }

    /// Whether one of the rules names the board with this path and name.
    pub fn names(&self, board: &str, name: &str) -> bool {
        is_in(&self.write, board, name) || is_in(&self.settings, board, name)
    }

    /// How the board with this path, name and mode is served.
    pub fn policy(&self, board: &str, name: &str, mode: u32) -> board_view::Policy {
        let is_writable = is_in(&self.write, board, name) && !self.protects(mode);
        let validity = if is_writable || is_in(&self.settings, board, name) {
            Validity::Always
        } else {
            Validity::For(self.stale_after)
        };
        board_view::Policy {
            board: board.to_owned(),
            validity,
            is_writable,
        }
    }
}

impl Config {
    /// Combines the command line with the configuration file; the command line takes precedence.
    pub fn new(given: Opcua, target: &Target) -> Result<Self> {
        let config = given.config.as_deref().map(config::read).transpose();
        let config = config.map_err(Failure::Failed)?.unwrap_or_default();
        let listen = address(given.listen.or(config.listen))?;
        let passwords = config.passwords.as_deref().map(passwords::read).transpose();
        let passwords = passwords.map_err(Failure::Failed)?.unwrap_or_default();
        let has_users = !passwords.is_empty();
        let anonymous = config.anonymous.unwrap_or(!has_users);
        let is_secured = has_users || !config.security.is_empty();
        if !listen.ip().is_loopback() && !is_secured {
            return Err(Failure::Usage(format!(
                "{listen} is reachable from other machines; in a --config, set passwords, \
                 security = [\"Basic256Sha256\"], or [\"None\"] to let everyone in"
            )));
        }
        let security = match config.security {
            chosen if !chosen.is_empty() => chosen,
            // Passwords are never sent in plain text.
            _ if has_users => SECURE.to_vec(),
            _ => [Policy::None].into_iter().chain(SECURE).collect(),
        };
        let boards = |given: Vec<String>, configured: Vec<String>| {
            let names = if given.is_empty() { configured } else { given };
            names
                .iter()
                .map(|name| target.board(name))
                .collect::<Result<Vec<_>>>()
        };
        let (write, settings) = (
            boards(given.write, config.write)?,
            boards(given.settings, config.settings)?,
        );
        let mut named = boards(given.board, config.boards)?;
        // Clients also read the boards that they can write.
        for board in &write {
            if !named.is_empty() && !named.contains(board) {
                named.push(board.clone());
            }
        }
        check(&named)?;
        let stale_after = match given.stale_after {
            Some(age) => age,
            None => max_age(config.stale_after)?,
        };
        Ok(Self {
            host: config.host.unwrap_or_else(|| host(listen)),
            listen,
            named,
            rules: Rules {
                write,
                settings,
                stale_after,
                is_open: !has_users && (config.any_client || security.contains(&Policy::None)),
            },
            timeout: given.timeout,
            status: target.board(&given.status)?,
            state_dir: given
                .state_dir
                .or(config.state_dir)
                .map_or_else(state, Ok)?,
            passwords,
            security,
            anonymous,
            any_client: config.any_client,
        })
    }
}

/// Boards are named by their path, or by their name alone.
fn is_in(boards: &[String], board: &str, name: &str) -> bool {
    boards.iter().any(|one| one == board || one == name)
}

fn address(text: Option<String>) -> Result<SocketAddr> {
    let text = text.unwrap_or_else(|| LISTEN.to_owned());
    text.parse().map_err(|_| {
        Failure::Usage(format!(
            "{text:?} is not an address; use ADDRESS:PORT, such as {LISTEN}"
        ))
    })
}

/// The age after which a record is stale, as the configuration has it.
fn max_age(seconds: Option<f64>) -> Result<Duration> {
    let seconds = seconds.unwrap_or(60.0);
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        Failure::Failed(format!(
            "stale_after must be a number of seconds, 0 or more (got {seconds})"
        ))
    })
}

/// Boards of the same name in two directories would be one object.
fn check(boards: &[String]) -> Result<()> {
    let mut names = HashSet::new();
    for board in boards {
        let name = board.rsplit('/').next().unwrap_or(board);
        if !names.insert(name) {
            return Err(Failure::Usage(format!(
                "two boards have the name {name}; serve them with two servers"
            )));
        }
    }
    Ok(())
}

/// The default name of this machine for clients.
fn host(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        let name = nix::unistd::gethostname().ok();
        if let Some(name) = name.and_then(|name| name.into_string().ok()) {
            return name;
        }
    }
    match listen {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn state() -> Result<PathBuf> {
    let path = |name| {
        env::var_os(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let home = || path("HOME").map(|home| home.join(".local/state"));
    path("STATE_DIRECTORY")
        .or_else(|| {
            path("XDG_STATE_HOME")
                .or_else(home)
                .map(|state| state.join("pegel/opcua"))
        })
        .ok_or_else(|| {
            Failure::Usage(
                "no directory for the certificates: use --state-dir DIRECTORY".to_owned(),
            )
        })
}
