//! The server for OPC UA: its configuration, whether it answers, and whom it turned away.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pegel_program::args::opcua::config::{self, Config, LISTEN};
use pegel_program::args::opcua::passwords;

use super::Finding;

/// Where its unit has it.
const CONFIG: &str = "/etc/pegel/opcua.toml";
/// Where its unit keeps the certificates.
const STATE: &str = "/var/lib/pegel-opcua";
const PATIENCE: Duration = Duration::from_secs(1);
const ABOUT: &str = "OPC UA";

/// Nothing, where there is no such server.
pub fn look(named: Option<&Path>) -> Vec<Finding> {
    let path = named.unwrap_or(Path::new(CONFIG));
    if named.is_none() && !path.exists() {
        return Vec::new();
    }
    match config::read(path) {
        // Its message says what to do.
        Err(error) => vec![Finding::wrong(ABOUT, error, "")],
        Ok(config) => {
            let mut findings = vec![listens(&config)];
            findings.extend(config.passwords.as_deref().map(users));
            let state = config.state_dir.as_deref();
            findings.extend(rejected(state.unwrap_or(Path::new(STATE))));
            findings
        }
    }
}

fn listens(config: &Config) -> Finding {
    let listen = config.listen.as_deref().unwrap_or(LISTEN);
    let Ok(mut address) = listen.parse::<SocketAddr>() else {
        let remedy = format!("write ADDRESS:PORT, such as {LISTEN}");
        return Finding::wrong(ABOUT, format!("{listen:?} is no address"), remedy);
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => Finding::ok(ABOUT, format!("somebody answers at {address}")),
        Err(error) => Finding::note(
            ABOUT,
            format!("nobody answers at {address}: {error}"),
            "systemctl start pegel-opcua, or see why it ended: journalctl -u pegel-opcua",
        ),
    }
}

fn users(path: &Path) -> Finding {
    let about = "OPC UA passwords";
    let known = match passwords::read(path) {
        Ok(known) => known.len(),
        Err(error) => return Finding::wrong(about, error, ""),
    };
    let mode = fs::metadata(path).map_or(0, |status| status.permissions().mode());
    if mode & 0o007 != 0 {
        let path = path.display();
        return Finding::wrong(
            about,
            format!("everybody may read or write {path}"),
            format!("chmod o= {path}"),
        );
    }
    Finding::ok(about, format!("{known} users"))
}

/// Clients whose certificates nobody has trusted yet.
fn rejected(state: &Path) -> Option<Finding> {
    let entries = fs::read_dir(state.join("rejected")).ok()?;
    let files = entries.flatten().map(|entry| entry.file_name());
    let names: Vec<_> = files
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names.is_empty() {
        return None;
    }
    Some(Finding::note(
        "OPC UA clients",
        format!("turned away, as nobody trusts them: {}", names.join(", ")),
        format!(
            "those that you know: mv {0}/rejected/... {0}/trusted/",
            state.display()
        ),
    ))
}
