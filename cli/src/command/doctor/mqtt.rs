//! Bridges to brokers: each reports its state in a status board.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pegel::Value;
use pegel_program::args::mqtt::STATUS;
use pegel_program::status;
use pegel_program::target::Target;

use super::Finding;

/// Its path in the unit.
const PASSWORD: &str = "/etc/pegel/mqtt.password";

pub fn look(target: &Target, directory: &Path) -> Vec<Finding> {
    let names = pegel::list(Some(directory)).unwrap_or_default();
    let bridges = names.iter().filter(|name| name.starts_with(STATUS));
    let mut findings: Vec<_> = bridges
        .filter_map(|name| bridge(target, directory, name))
        .collect();
    let mode = fs::metadata(PASSWORD).map(|status| status.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        findings.push(Finding::problem(
            "MQTT",
            format!("everybody may read or write the password {PASSWORD}"),
            format!("chmod o= {PASSWORD}"),
        ));
    }
    findings
}

fn bridge(target: &Target, directory: &Path, name: &str) -> Option<Finding> {
    // What is wrong with the board itself is reported with the boards.
    let reader = target
        .open(&format!("{}/{name}", directory.display()))
        .ok()?;
    let now = reader.read().ok()?;
    let failure = status::failure(&now).ok()?;
    let (Ok(Value::UInt(all)), Ok(Value::UInt(connected))) =
        (now.get("connections"), now.get("connected"))
    else {
        return None;
    };
    let about = format!("MQTT ({name})");
    Some(if !reader.writer_alive().ok()? {
        Finding::note(
            about,
            "its bridge does not run: others see that the writers are gone",
            "systemctl start pegel-mqtt, or see why it ended: journalctl -u pegel-mqtt; \
             `pegel rm` the board if there should be none",
        )
    } else if let Some(failure) = failure {
        let failed = all - connected;
        Finding::problem(
            about,
            format!("{failed} of {all} connections fail: {failure}"),
            "see its log: journalctl -u pegel-mqtt",
        )
    } else {
        Finding::ok(about, format!("{all} connections to the broker"))
    })
}
