//! Boards that are shown in System V shared memory: each bridge reports in its status board.

use std::path::Path;

use pegel_program::status;
use pegel_program::target::Target;

use super::Finding;
use crate::command::sysv::SUFFIX;

pub fn look(target: &Target, directory: &Path) -> Vec<Finding> {
    let names = pegel::list(Some(directory)).unwrap_or_default();
    let bridges = names.iter().filter_map(|name| {
        let shown = name.strip_suffix(SUFFIX)?;
        bridge(target, directory, name, shown)
    });
    bridges.collect()
}

fn bridge(target: &Target, directory: &Path, name: &str, shown: &str) -> Option<Finding> {
    // What is wrong with the board itself is reported with the boards.
    let reader = target
        .open(&format!("{}/{name}", directory.display()))
        .ok()?;
    let now = reader.read().ok()?;
    let failure = status::failure(&now).ok()?;
    let about = format!("System V ({shown})");
    Some(if !reader.writer_alive().ok()? {
        Finding::note(
            about,
            "its bridge does not run, and scripts see an old text",
            format!("start it: systemctl start pegel-sysv@{shown}"),
        )
    } else if let Some(failure) = failure {
        // The message has the remedy.
        Finding::problem(about, failure, "")
    } else {
        Finding::ok(about, "scripts see the newest record")
    })
}
