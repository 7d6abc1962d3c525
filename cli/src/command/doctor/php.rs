//! How PHP reaches boards, as PHP reports it.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, io};

use fastcgi_client::{Client, Params, Request};
use futures_executor::block_on;
use futures_util::io::{AllowStdIo, empty};
use serde_json::Value as Json;

use super::Finding;

const SOCKETS: &str = "/run/php";
const UNITS: [&str; 3] = [
    "/etc/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
];
const SCRIPT: &str = "describe.php";
/// A pool whose workers are all busy does not answer.
const TIMEOUT: Duration = Duration::from_secs(10);

pub struct Question<'a> {
    pub package: Option<PathBuf>,
    pub named: &'a [String],
    /// Whether a missing PHP is worth a finding.
    pub is_wanted: bool,
    pub directory: &'a Path,
}

pub fn look(question: &Question) -> Vec<Finding> {
    let package = question.package.clone().or_else(package);
    let Some(script) = package
        .map(|package| package.join(SCRIPT))
        .filter(|script| script.is_file())
    else {
        let fix = "pass its directory with --package: with Composer, vendor/pegel/pegel";
        let absent = "the package for PHP was not found";
        return if question.is_wanted {
            vec![Finding::problem("PHP", absent, fix)]
        } else {
            Vec::new()
        };
    };
    let mut findings = Vec::new();
    match Command::new("php")
        .arg(&script)
        .env("PEGEL_DIR", question.directory)
        .output()
    {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            findings.extend(parse(
                "php",
                &format!("{said}\n{complaint}"),
                question.directory,
            ));
        }
        Err(_) if !question.is_wanted && question.named.is_empty() => return findings,
        Err(error) => findings.push(Finding::note(
            "php",
            format!("the CLI does not start: {error}"),
            "apt install php-cli",
        )),
    }
    let entries = fs::read_dir(SOCKETS).into_iter().flatten().flatten();
    // Beside those of the pools, Debian has a link to one of them.
    let is_pool =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "sock") && !path.is_symlink();
    let sockets = entries.map(|entry| entry.path()).filter(is_pool);
    let mut addresses: Vec<_> = sockets.map(|path| path.display().to_string()).collect();
    addresses.sort();
    addresses.extend_from_slice(question.named);
    if addresses.is_empty() && question.is_wanted {
        let fix = "pass the `listen` of its pool with --fpm";
        findings.push(Finding::note(
            "php-fpm",
            format!("no socket in {SOCKETS}"),
            fix,
        ));
    }
    for address in addresses {
        findings.extend(ask(&address, &script, question.directory));
    }
    findings
}

/// The package that belongs to this program, installed or in its repository.
fn package() -> Option<PathBuf> {
    let program = env::current_exe().ok()?.canonicalize().ok()?;
    let directory = program.parent()?;
    let places = ["../share/php/Pegel", "../../php-ffi"];
    let found = places
        .iter()
        .map(|place| directory.join(place))
        .find(|place| place.is_dir());
    found?.canonicalize().ok()
}

fn ask(address: &str, script: &Path, directory: &Path) -> Vec<Finding> {
    let subject = format!("php-fpm at {address}");
    let answer = if address.contains('/') {
        UnixStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(TIMEOUT))?;
            request(stream, script)
        })
    } else {
        TcpStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(TIMEOUT))?;
            request(stream, script)
        })
    };
    match answer {
        Ok(answer) => parse(&subject, &answer, directory),
        Err(error) => {
            let fix = match error.kind() {
                io::ErrorKind::PermissionDenied => "sudo pegel doctor --php".to_owned(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    format!("systemctl start {}", units())
                }
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    "all its workers are busy: raise pm.max_children, or find what they wait for"
                        .to_owned()
                }
                _ => "read its log".to_owned(),
            };
            vec![Finding::problem(
                subject,
                format!("it does not answer: {error}"),
                fix,
            )]
        }
    }
}

/// The installed units of php-fpm: Debian's have the version of PHP in their names.
fn units() -> String {
    let entries = UNITS.iter().flat_map(fs::read_dir).flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let unit = name.strip_suffix(".service")?;
        (unit.starts_with("php") && unit.ends_with("fpm")).then(|| unit.to_owned())
    });
    let names: Vec<_> = names.collect::<BTreeSet<_>>().into_iter().collect();
    if names.is_empty() {
        "php-fpm".to_owned()
    } else {
        names.join(" or ")
    }
}

/// What php-fpm answers to a request for the script, followed by its errors.
fn request(stream: impl io::Read + io::Write + Unpin, script: &Path) -> io::Result<String> {
    let script = script.display().to_string();
    let parameters = Params::default()
        .request_method("GET")
        .script_filename(script.clone())
        .script_name(script);
    let client = Client::new(AllowStdIo::new(stream));
    let response =
        block_on(client.execute_once(Request::new(parameters, empty()))).map_err(|error| {
            match error {
                fastcgi_client::ClientError::Io(error) => error,
                other => io::Error::other(other.to_string()),
            }
        })?;
    let [stdout, stderr] = [response.stdout, response.stderr].map(Option::unwrap_or_default);
    Ok(String::from_utf8_lossy(&stdout).into_owned() + "\n" + &String::from_utf8_lossy(&stderr))
}

/// The findings of PHP's answer, which may have headers before it and errors behind it.
fn parse(subject: &str, answer: &str, directory: &Path) -> Vec<Finding> {
    let object = answer.lines().find_map(|line| {
        serde_json::from_str::<Json>(line)
            .ok()
            .filter(Json::is_object)
    });
    let Some(said) = object else {
        let lines = answer
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let reason = lines.collect::<Vec<_>>().join("; ");
        let fix = "make the package readable for its user, within its open_basedir and chroot, or \
                   pass another copy with --package";
        return vec![Finding::problem(
            subject,
            format!("it does not run the package: {reason}"),
            fix,
        )];
    };
    let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
    let is = |key: &str| said[key].as_bool().unwrap_or_default();
    let advice = said["advice"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str);
    let advice = advice.collect::<Vec<_>>().join("; and ");
    let preloaded = if is("preloaded") {
        ", its classes preloaded"
    } else {
        ""
    };
    let by = format!(
        "PHP {} by the tier {}{preloaded}",
        text("php"),
        text("tier")
    );
    let mut findings = vec![match (is("reads"), is("writes")) {
        (true, true) if advice.is_empty() => {
            Finding::ok(subject, format!("it reads and writes, {by}"))
        }
        (true, true) => Finding::note(subject, format!("it reads and writes, {by}"), advice),
        (true, false) => {
            Finding::note(subject, format!("it reads, {by}, but cannot write"), advice)
        }
        _ => Finding::problem(subject, format!("it cannot reach boards, {by}"), advice),
    }];
    if is("writes") {
        findings.push(library(subject, &text("library"), &text("version")));
    }
    findings.extend(boards(subject, &said, directory));
    findings
}

/// What is wrong with the directory where PHP looks for boards.
fn boards(subject: &str, said: &Json, directory: &Path) -> Option<Finding> {
    let theirs = said["directory"].as_str().unwrap_or_default();
    if Path::new(theirs) != directory {
        let message = format!(
            "its boards are in {theirs}, those of this program in {}",
            directory.display()
        );
        let fix = format!(
            "env[PEGEL_DIR] = {} in the pool, or --dir {theirs} here",
            directory.display()
        );
        return Some(Finding::note(subject, message, fix));
    } else if !said["lists"].as_bool().unwrap_or_default() {
        let user = said["user"]
            .as_u64()
            .map_or_else(String::new, |user| format!(" as user {user}"));
        let message = format!("it cannot list {theirs}{user}");
        let fix = "mount it inside the chroot, add it to open_basedir, or add the user to its \
                   group: see docs/sharing.md";
        return Some(Finding::problem(subject, message, fix));
    }
    None
}

/// Whether PHP uses the library of the same version as this program.
fn library(subject: &str, path: &str, version: &str) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let message = format!("its library is {path}, version {version}");
    if version == own {
        Finding::ok(subject, message)
    } else {
        let message = format!("{message}; this program is {own}");
        Finding::note(
            subject,
            message,
            "install the same version of both, then restart php-fpm",
        )
    }
}
