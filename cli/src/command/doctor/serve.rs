//! The HTTP server: whether it answers, and its token.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use pegel_program::args::serve::address::Address;

use super::Finding;

/// Its path in the unit.
const TOKEN: &str = "/etc/pegel/serve.token";
const UNIT: &str = "/etc/systemd/system/multi-user.target.wants/pegel-serve.service";
const LISTEN: &str = "127.0.0.1:7070";
const TIMEOUT: Duration = Duration::from_secs(1);
/// The bytes that are read of an answer.
const MAX_ANSWER: u64 = 4096;
const SUBJECT: &str = "HTTP";

/// No findings where no such server is wanted.
pub fn look(named: Option<&Address>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if named.is_some() || Path::new(UNIT).exists() {
        let usual = || LISTEN.parse().expect("it is an address");
        let address = named.cloned().unwrap_or_else(usual);
        findings.push(answers(&address));
    }
    let mode = fs::metadata(TOKEN).map(|status| status.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        findings.push(Finding::problem(
            SUBJECT,
            format!("the token {TOKEN} is readable or writable for all users"),
            format!("chmod o= {TOKEN}"),
        ));
    }
    findings
}

fn answers(address: &Address) -> Finding {
    let answer = match ask(address) {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::note(
                SUBJECT,
                format!("no answer at {address}: {error}"),
                "systemctl start pegel-serve; its log: journalctl -u pegel-serve",
            );
        }
    };
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let is_ours = answer.lines().any(|line| line == "server: pegel");
    match (is_ours, status) {
        (true, "200") => Finding::ok(SUBJECT, format!("pegel serve answers at {address}")),
        (true, "401") => Finding::ok(
            SUBJECT,
            format!("pegel serve answers at {address}, to clients that have its token"),
        ),
        (true, _) => Finding::problem(
            SUBJECT,
            format!("pegel serve at {address} answers {status}"),
            "read the body of GET /boards, or its log: journalctl -u pegel-serve",
        ),
        (false, _) => Finding::problem(
            SUBJECT,
            format!("another program answers at {address}"),
            "find it with `ss -ltnp`, or pass another address to pegel serve with --listen",
        ),
    }
}

/// The beginning of the answer to GET /boards.
fn ask(address: &Address) -> io::Result<String> {
    let question = b"GET /boards HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = match address {
        Address::Internet(address) => {
            let stream = TcpStream::connect_timeout(&reachable(*address), TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            (&stream).write_all(question)?;
            read(stream)?
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            (&stream).write_all(question)?;
            read(stream)?
        }
    };
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn read(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The address at which a server that listens on all addresses answers.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
