//! The OPC UA server: its configuration, whether it answers, and the clients that it rejected.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pegel_program::args::opcua::config::{self, Config, LISTEN};
use pegel_program::args::opcua::passwords;

use super::Finding;

/// Its path in the unit.
const CONFIG: &str = "/etc/pegel/opcua.toml";
/// The directory of the certificates in the unit.
const STATE: &str = "/var/lib/pegel-opcua";
const TIMEOUT: Duration = Duration::from_secs(1);
const SUBJECT: &str = "OPC UA";

/// No findings where there is no such server.
pub fn look(named: Option<&Path>) -> Vec<Finding> {
    let path = named.unwrap_or(Path::new(CONFIG));
    if named.is_none() && !path.exists() {
        return Vec::new();
    }
    match config::read(path) {
        // The error's message has the fix.
        Err(error) => vec![Finding::problem(SUBJECT, error, "")],
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
        let fix = format!("write ADDRESS:PORT, such as {LISTEN}");
        return Finding::problem(SUBJECT, format!("invalid address {listen:?}"), fix);
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    match TcpStream::connect_timeout(&address, TIMEOUT) {
        Ok(_) => Finding::ok(SUBJECT, format!("a server answers at {address}")),
        Err(error) => Finding::note(
            SUBJECT,
            format!("no answer at {address}: {error}"),
            "systemctl start pegel-opcua; its log: journalctl -u pegel-opcua",
        ),
    }
}

fn users(path: &Path) -> Finding {
    let subject = "OPC UA passwords";
    let known = match passwords::read(path) {
        Ok(known) => known.len(),
        Err(error) => return Finding::problem(subject, error, ""),
    };
    let mode = fs::metadata(path).map_or(0, |status| status.permissions().mode());
    if mode & 0o007 != 0 {
        let path = path.display();
        return Finding::problem(
            subject,
            format!("{path} is readable or writable for all users"),
            format!("chmod o= {path}"),
        );
    }
    Finding::ok(subject, format!("{known} users"))
}

/// Clients whose certificates are not trusted yet.
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
        format!(
            "rejected, as their certificates are not trusted: {}",
            names.join(", ")
        ),
        format!(
            "to trust one: mv {0}/rejected/... {0}/trusted/",
            state.display()
        ),
    ))
}
