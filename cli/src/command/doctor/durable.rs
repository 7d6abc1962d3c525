//! Durable boards: the directory of their files, the keeper, and how old the synced records are.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::libc::O_TMPFILE;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use pegel::ErrorKind;
use pegel::durable::{self, State};
use pegel::dynamic::Reader;
use pegel_program::status;
use pegel_program::target::Target;

use super::Finding;
use crate::command::keep;
use crate::time;

/// Twice the longest interval of a keeper.
const MAX_UNSYNCED: Duration = Duration::from_secs(20 * 60);
const START: &str = "`pegel keep`, or sudo systemctl enable --now pegel-keep";

pub fn look(target: &Target, directory: &Path) -> Vec<Finding> {
    let open = |name: &str| target.open(&format!("{}/{name}", directory.display())).ok();
    let names = pegel::list(Some(directory)).unwrap_or_default();
    let boards: Vec<_> = names
        .iter()
        .filter_map(|name| open(name))
        .filter(|reader| reader.info().durable)
        .collect();
    let home = durable::directory();
    if boards.is_empty() && !home.exists() {
        return Vec::new();
    }
    let mut findings = vec![directory_of(&home)];
    findings.extend(files(directory, &boards));
    if !boards.is_empty() {
        findings.push(keeper(open(keep::BOARD).as_ref()));
    }
    findings.extend(boards.iter().map(board));
    findings
}

/// Whether this user can create durable files there.
fn directory_of(home: &Path) -> Finding {
    let about = home.display().to_string();
    let status = match (statfs(home), fs::metadata(home)) {
        (Ok(status), Ok(metadata)) => (status, metadata),
        (Err(Errno::EACCES), _) => return denied(about),
        (Err(errno), _) => {
            let remedy =
                format!("sudo install -d -g GROUP -m 2770 {about}, or set PEGEL_DURABLE_DIR");
            return Finding::problem(about, errno.desc(), remedy);
        }
        (_, Err(error)) => return Finding::problem(about, error.to_string(), ""),
    };
    if status.0.filesystem_type() == TMPFS_MAGIC {
        return Finding::problem(
            about,
            "it is in memory, so durable files there do not survive a reboot",
            "set PEGEL_DURABLE_DIR to a directory on disk",
        );
    }
    if status.1.mode() & 0o002 != 0 {
        let remedy = format!("chmod o-w {about}");
        return Finding::problem(
            about,
            "it is world-writable: any user can create durable files there",
            remedy,
        );
    }
    let mut options = File::options();
    let unnamed = options.read(true).write(true).mode(0o600);
    match unnamed.custom_flags(O_TMPFILE).open(home) {
        Ok(_) => Finding::ok(about, "durable files can be created there, on disk"),
        Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => Finding::problem(
            about,
            "its file system has no unnamed files (O_TMPFILE)",
            "set PEGEL_DURABLE_DIR to a directory on ext4, xfs, btrfs or f2fs",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => denied(about),
        Err(error) => Finding::problem(about, error.to_string(), ""),
    }
}

fn denied(about: String) -> Finding {
    let remedy =
        format!("join the group that `ls -ld {about}` shows to keep boards: see docs/sharing.md");
    Finding::note(about, "you cannot create durable files there", remedy)
}

/// Durable files without a board, and invalid ones.
fn files(directory: &Path, boards: &[Reader]) -> Vec<Finding> {
    let files = durable::list().unwrap_or_default().into_iter();
    let findings = files.filter_map(|(file, state)| match state {
        Err(error) if error.kind() == ErrorKind::Denied => None,
        Err(error) => Some(Finding::problem(
            file.display().to_string(),
            error.to_string(),
            "",
        )),
        Ok(state) => {
            let name = state.board.file_name()?.to_str()?;
            let has_board = boards.iter().any(|reader| reader.board() == name);
            (state.is_in(directory) && !has_board).then(|| {
                Finding::note(
                    format!("durable {name}"),
                    format!(
                        "no durable board of this name; {} has sequence {}",
                        file.display(),
                        state.sequence
                    ),
                    format!("start its writer, which restores it, or {START}"),
                )
            })
        }
    });
    findings.collect()
}

fn keeper(reader: Option<&Reader>) -> Finding {
    let about = "keeper";
    let is_alive = |reader: &&Reader| reader.writer_alive().unwrap_or(false);
    let Some(reader) = reader.filter(is_alive) else {
        return Finding::note(
            about,
            "nobody keeps the durable boards: only what their writers sync is on the disk",
            START,
        );
    };
    match reader.read().and_then(|now| status::failure(&now)) {
        Ok(None) => Finding::ok(about, "it keeps all of them"),
        Ok(Some(failure)) => {
            Finding::problem(about, failure, "see its log: journalctl -u pegel-keep")
        }
        Err(error) => Finding::problem(about, error.to_string(), ""),
    }
}

fn board(reader: &Reader) -> Finding {
    let about = format!("durable {}", reader.board());
    let state = match reader.durable_state() {
        Err(error) if error.kind() == ErrorKind::Denied => {
            return Finding::note(about, "you cannot read its durable file", "");
        }
        Err(error) => return Finding::problem(about, error.to_string(), ""),
        Ok(None) => {
            return Finding::problem(
                about,
                "it has no durable file",
                "restart its writer, which creates one",
            );
        }
        Ok(Some(state)) => state,
    };
    let newest = match reader.sequence() {
        Err(error) => return Finding::problem(about, error.to_string(), ""),
        Ok(newest) => newest,
    };
    if state.lineage != reader.lineage() {
        let file = state.file.display();
        return Finding::problem(
            about,
            format!("{file} belongs to another board"),
            format!(
                "run `pegel load {file} --replace` to restore its record, or move the file away"
            ),
        );
    }
    let state_text = format!(
        "sequence {} is on disk, {newest} is the newest",
        state.sequence
    );
    match behind(reader, &state) {
        Some(time) => Finding::problem(
            about,
            format!("{state_text}, since {time}"),
            format!("`pegel sync {}` says why, or {START}", reader.board()),
        ),
        None => Finding::ok(about, state_text),
    }
}

/// The age of the oldest record that is not synced, if that is too long.
fn behind(reader: &Reader, state: &State) -> Option<String> {
    let waits = reader.read_after(state.sequence).ok()?;
    let stamp = waits.stamp();
    let synced = fs::metadata(&state.file).and_then(|file| file.modified());
    // A record that the ring no longer holds is older, but not older than the last sync.
    let age = if stamp.missed > 0 {
        let since = SystemTime::now().duration_since(synced.ok()?).ok()?;
        i64::try_from(since.as_nanos()).ok()?
    } else if stamp.is_timed() {
        stamp.age_ns
    } else {
        return None;
    };
    (i128::from(age) > MAX_UNSYNCED.as_nanos().cast_signed()).then(|| time::age(age))
}
