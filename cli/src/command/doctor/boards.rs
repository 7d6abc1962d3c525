//! Each board, and the leftover files of others.

use std::path::Path;

use pegel::ErrorKind;
use pegel_program::target::Target;

use super::Finding;
use crate::time;

pub fn look(target: &Target, directory: &Path) -> Vec<Finding> {
    let names = match pegel::list(Some(directory)) {
        Ok(names) => names,
        Err(error) => return vec![Finding::problem("boards", error.to_string(), "")],
    };
    let mut findings: Vec<_> = names
        .iter()
        .map(|name| board(target, directory, name))
        .collect();
    if names.is_empty() {
        findings.push(Finding::ok("boards", "there are none yet"));
    }
    findings.extend(leftovers(directory));
    findings
}

fn board(target: &Target, directory: &Path, name: &str) -> Finding {
    let subject = format!("board {name}");
    let finding = || -> pegel::Result<Finding> {
        let reader = target.open(&format!("{}/{name}", directory.display()))?;
        let alive = reader.writer_alive()?;
        let snapshot = match reader.read() {
            Err(error) if error.kind() == ErrorKind::Empty => {
                let fix = if alive {
                    "wait for its writer, or read its log"
                } else {
                    "start its writer"
                };
                let message = "nothing has been published yet";
                return Ok(Finding::note(&subject, message, fix));
            }
            read => read?,
        };
        let stamp = snapshot.stamp();
        let age = time::old(stamp);
        let writer = if alive {
            "writer alive"
        } else {
            "no writer now"
        };
        let message = format!("sequence {}, {age}, {writer}", stamp.sequence);
        Ok(Finding::ok(&subject, message))
    };
    // The error's message has the fix.
    finding().unwrap_or_else(|error| Finding::problem(&subject, error.to_string(), ""))
}

/// Files of boards that were removed by hand, or whose writer crashed while it replaced them.
fn leftovers(directory: &Path) -> Option<Finding> {
    let files = pegel::leftovers(Some(directory)).ok()?;
    let files = files.values().flatten();
    let names: Vec<_> = files
        .filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned()))
        .collect();
    if names.is_empty() {
        return None;
    }
    let message = format!(
        "files that a crash left, which do no harm: {}",
        names.join(", ")
    );
    Some(Finding::note("leftovers", message, "pegel gc"))
}
