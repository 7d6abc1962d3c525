//! A directory of boards, and the program that runs there.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value as Json;
use tempfile::TempDir;

pub const TANK: &str = r#"
mode = "0660"
field = [
  { name = "level", type = "f64", unit = "m", default = 3.21 },
  { name = "rain", type = "bool", default = false },
  { name = "volts", type = "f32", unit = "V", count = 2, default = [0.1, 2] },
  { name = "total", type = "u64", default = 18446744073709551615 },
  { name = "note", type = "text", size = 24, default = "rising" },
]
"#;

/// A hang ends so.
const WATCHDOG: Duration = Duration::from_secs(60);

pub struct Boards(pub TempDir);

impl Boards {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn with_tank() -> Self {
        let boards = Self::new();
        boards.file("tank.toml", TANK);
        boards.prints(&["create", "tank", "tank.toml"], "");
        boards
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// As `pegel::dynamic::Writer` and `pegel::dynamic::Reader` name it.
    pub fn board(&self, name: &str) -> String {
        format!("{}/{name}", self.0.path().display())
    }

    /// The directory of durable files, which a test must create.
    pub fn durable(&self) -> PathBuf {
        self.0.path().join("durable")
    }

    fn in_place(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.0)
            .env("PEGEL_DIR", self.0.path())
            .env("PEGEL_DURABLE_DIR", self.durable())
            .env("TZ", "UTC");
        command
    }

    pub fn pegel(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = self.in_place(Command::new(cargo_bin!("pegel")));
        command.args(arguments);
        let mut command = assert_cmd::Command::from_std(command);
        command.timeout(WATCHDOG);
        command
    }

    pub fn shell(&self, script: &str) -> assert_cmd::Command {
        let mut command = self.in_place(Command::new("sh"));
        command
            .args(["-c", script])
            .env("pegel", cargo_bin!("pegel"));
        let mut command = assert_cmd::Command::from_std(command);
        command.timeout(WATCHDOG);
        command
    }

    pub fn output(&self, arguments: &[&str]) -> String {
        let done = self.pegel(arguments).assert().success().stderr("");
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    }

    pub fn prints(&self, arguments: &[&str], expected: &str) {
        assert_eq!(self.output(arguments), expected, "{arguments:?}");
    }

    pub fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.output(arguments)).unwrap()
    }

    pub fn fails(&self, status: i32, arguments: &[&str], parts: &[&str]) {
        let done = self.pegel(arguments).assert().code(status).stdout("");
        let message = String::from_utf8_lossy(&done.get_output().stderr);
        for part in parts {
            assert!(
                message.contains(part),
                "{arguments:?}: {message:?} has no {part:?}"
            );
        }
    }

    /// Starts `pegel watch`, which gives up by itself when nothing comes.
    pub fn watch(&self, arguments: &[&str]) -> Watch {
        let mut command = self.in_place(Command::new(cargo_bin!("pegel")));
        let timeout = format!("--timeout={}", WATCHDOG.as_secs());
        command.arg("watch").args(arguments).arg(timeout);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watch { child, lines }
    }
}

pub struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    pub fn line(&mut self) -> String {
        self.lines.next().expect("watch ended").unwrap()
    }

    pub fn has_ended(&mut self) -> bool {
        self.lines.next().is_none()
    }

    pub fn json(&mut self) -> Json {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Waits until the program exits, by itself or because its output is not read any more. Its
    /// status and standard error.
    pub fn end(mut self) -> (Option<i32>, String) {
        drop(self.lines);
        let mut text = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}
