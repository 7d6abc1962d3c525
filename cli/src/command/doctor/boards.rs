//! Each board, and what is left of those that are no more.

use std::fs;
use std::path::Path;

use pegel::ErrorKind;
use pegel_program::target::Target;

use super::Finding;
use crate::time;

pub fn look(target: &Target, directory: &Path) -> Vec<Finding> {
    let names = match pegel::list(Some(directory)) {
        Ok(names) => names,
        Err(error) => return vec![Finding::wrong("boards", error.to_string(), "")],
    };
    if names.is_empty() {
        return vec![Finding::ok("boards", "there are none yet")];
    }
    let mut findings: Vec<_> = names
        .iter()
        .map(|name| board(target, directory, name))
        .collect();
    findings.extend(left(directory, &names));
    findings
}

fn board(target: &Target, directory: &Path, name: &str) -> Finding {
    let about = format!("board {name}");
    let told = || -> pegel::Result<Finding> {
        let reader = target.open(&format!("{}/{name}", directory.display()))?;
        let alive = reader.writer_alive()?;
        let snapshot = match reader.read() {
            Err(error) if error.kind() == ErrorKind::Empty => {
                let remedy = if alive {
                    "wait for its writer, or look at its log"
                } else {
                    "start its writer"
                };
                return Ok(Finding::note(
                    &about,
                    "nothing has been published yet",
                    remedy,
                ));
            }
            read => read?,
        };
        let stamp = snapshot.stamp();
        let age = time::old(stamp);
        let writer = if alive {
            "its writer lives"
        } else {
            "it has no writer now"
        };
        Ok(Finding::ok(
            &about,
            format!("sequence {}, {age}, {writer}", stamp.sequence),
        ))
    };
    // Its message says what to do.
    told().unwrap_or_else(|error| Finding::wrong(&about, error.to_string(), ""))
}

/// Files of boards that were removed by hand, or whose writer died while it replaced them.
fn left(directory: &Path, names: &[String]) -> Option<Finding> {
    let entries = fs::read_dir(directory).ok()?;
    let files = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let is_left = |file: &String| {
        let lock = file
            .strip_prefix("pegel.")
            .and_then(|name| name.strip_suffix(".lock"));
        lock.is_some_and(|name| !names.iter().any(|known| known == name))
    };
    let mut left: Vec<_> = files.filter(is_left).collect();
    if left.is_empty() {
        return None;
    }
    left.sort();
    Some(Finding::note(
        "locks",
        format!(
            "{} of boards that are not there; they do no harm",
            left.join(", ")
        ),
        "`pegel rm` removes a board with its lock; remove these as you like",
    ))
}
