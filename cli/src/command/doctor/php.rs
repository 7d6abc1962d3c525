//! How PHP reaches boards, as it says itself.

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
/// A pool whose workers are all taken lets us wait.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Question<'a> {
    pub package: Option<PathBuf>,
    pub named: &'a [String],
    /// Whether PHP was asked for, so that none is worth a word.
    pub is_wanted: bool,
    pub directory: &'a Path,
}

pub fn look(question: &Question) -> Vec<Finding> {
    let package = question.package.clone().or_else(package);
    let Some(script) = package
        .map(|package| package.join(SCRIPT))
        .filter(|script| script.is_file())
    else {
        let remedy = "name its directory with --package: with Composer, vendor/pegel/pegel";
        let absent = "Pegel's package for PHP is not where this program looks for it";
        return if question.is_wanted {
            vec![Finding::wrong("PHP", absent, remedy)]
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
            findings.extend(told(
                "php",
                &format!("{said}\n{complaint}"),
                question.directory,
            ));
        }
        Err(_) if !question.is_wanted && question.named.is_empty() => return findings,
        Err(error) => findings.push(Finding::note(
            "php",
            format!("no CLI: {error}"),
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
        let remedy = "if there is one elsewhere: --fpm with the `listen` of its pool";
        findings.push(Finding::note(
            "php-fpm",
            format!("no socket in {SOCKETS}"),
            remedy,
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
    let about = format!("php-fpm at {address}");
    let answer = if address.contains('/') {
        UnixStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            request(stream, script)
        })
    } else {
        TcpStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            request(stream, script)
        })
    };
    match answer {
        Ok(answer) => told(&about, &answer, directory),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "ask as root: sudo pegel doctor --php".to_owned()
                }
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    format!("start it: systemctl start {}", units())
                }
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    "all its workers are busy: raise pm.max_children, or look at what they wait for"
                        .to_owned()
                }
                _ => "look at its log".to_owned(),
            };
            vec![Finding::wrong(
                about,
                format!("it does not answer: {error}"),
                remedy,
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

/// What php-fpm answers to a request for the script, its complaints behind.
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

/// What PHP said, which may have headers before and complaints behind.
fn told(about: &str, answer: &str, directory: &Path) -> Vec<Finding> {
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
        let remedy = "let its user read the package, and its open_basedir and chroot contain that: or name a package \
                      that they do, with --package";
        return vec![Finding::wrong(
            about,
            format!("it does not run the package: {reason}"),
            remedy,
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
            Finding::ok(about, format!("it reads and writes, {by}"))
        }
        (true, true) => Finding::note(about, format!("it reads and writes, {by}"), advice),
        (true, false) => Finding::note(about, format!("it reads, {by}, but cannot write"), advice),
        _ => Finding::wrong(about, format!("it cannot reach boards, {by}"), advice),
    }];
    if is("writes") {
        findings.push(library(about, &text("library"), &text("version")));
    }
    let theirs = text("directory");
    if Path::new(&theirs) != directory {
        let told = format!(
            "its boards are in {theirs}, and this program looks into {}",
            directory.display()
        );
        let remedy = format!(
            "env[PEGEL_DIR] = {} in the pool, or --dir {theirs} here",
            directory.display()
        );
        findings.push(Finding::note(about, told, remedy));
    } else if !is("lists") {
        let user = said["user"]
            .as_u64()
            .map_or_else(String::new, |user| format!(" as user {user}"));
        let told = format!("it cannot look into {theirs}{user}");
        let remedy = "a chroot needs it mounted inside, an open_basedir has to contain it, its rights let the user in";
        findings.push(Finding::wrong(about, told, remedy));
    }
    findings
}

/// Whether PHP uses the library of the same version as this program.
fn library(about: &str, path: &str, version: &str) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let told = format!("its library is {path}, version {version}");
    if version == own {
        Finding::ok(about, told)
    } else {
        let told = format!("{told}; this program is {own}");
        Finding::note(
            about,
            told,
            "install one version of both; php-fpm takes the new one when it is restarted",
        )
    }
}
