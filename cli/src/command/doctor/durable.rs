//! Durable boards: where they are kept, whether somebody does, and how new that is.

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
use pegel_program::target::Target;

use super::Finding;
use crate::command::keep;
use crate::time;

/// A keeper that syncs as seldom as once in ten minutes is still one.
const LONG: Duration = Duration::from_secs(20 * 60);
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

/// Whether files can be kept there, by this user.
fn directory_of(home: &Path) -> Finding {
    let about = home.display().to_string();
    let status = match (statfs(home), fs::metadata(home)) {
        (Ok(status), Ok(metadata)) => (status, metadata),
        (Err(Errno::EACCES), _) => return denied(about),
        (Err(errno), _) => {
            let remedy = format!(
                "sudo install -d -g GROUP -m 2770 {about}, or name another in PEGEL_DURABLE_DIR"
            );
            return Finding::wrong(about, errno.desc(), remedy);
        }
        (_, Err(error)) => return Finding::wrong(about, error.to_string(), ""),
    };
    if status.0.filesystem_type() == TMPFS_MAGIC {
        return Finding::wrong(
            about,
            "durable files there are in memory too, and end with a reboot",
            "name a directory on a disk in PEGEL_DURABLE_DIR",
        );
    }
    if status.1.mode() & 0o002 != 0 {
        let remedy = format!("chmod o-w {about}");
        return Finding::wrong(about, "everybody may put durable files there", remedy);
    }
    let mut options = File::options();
    let unnamed = options.read(true).write(true).mode(0o600);
    match unnamed.custom_flags(O_TMPFILE).open(home) {
        Ok(_) => Finding::ok(about, "durable files can be made there, on a disk"),
        Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => Finding::wrong(
            about,
            "its file system has no unnamed files (O_TMPFILE)",
            "name a directory on ext4, xfs, btrfs or f2fs in PEGEL_DURABLE_DIR",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => denied(about),
        Err(error) => Finding::wrong(about, error.to_string(), ""),
    }
}

fn denied(about: String) -> Finding {
    let remedy = format!("join the group that `ls -ld {about}` shows, if you are to keep boards");
    Finding::note(about, "you may make no durable files there", remedy)
}

/// What no board is there for, or what is none.
fn files(directory: &Path, boards: &[Reader]) -> Vec<Finding> {
    let files = durable::list().unwrap_or_default().into_iter();
    let findings = files.filter_map(|(file, state)| match state {
        Err(error) if error.kind() == ErrorKind::Denied => None,
        Err(error) => Some(Finding::wrong(
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
                        "there is no such board, or one that is not durable; {} has sequence {}",
                        file.display(),
                        state.sequence
                    ),
                    format!("its writer lets it come back, or {START}"),
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
    match reader
        .read()
        .and_then(|now| now.get("complaint").map(|text| text.to_string()))
    {
        Ok(complaint) if complaint.is_empty() => Finding::ok(about, "it keeps all of them"),
        Ok(complaint) => Finding::note(about, format!("its last complaint: {complaint}"), ""),
        Err(error) => Finding::wrong(about, error.to_string(), ""),
    }
}

fn board(reader: &Reader) -> Finding {
    let about = format!("durable {}", reader.board());
    let state = match reader.durable_state() {
        Err(error) if error.kind() == ErrorKind::Denied => {
            return Finding::note(about, "you may not look at its durable file", "");
        }
        Err(error) => return Finding::wrong(about, error.to_string(), ""),
        Ok(None) => {
            return Finding::wrong(
                about,
                "it has no durable file",
                "restart its writer, which makes one",
            );
        }
        Ok(Some(state)) => state,
    };
    let newest = match reader.sequence() {
        Err(error) => return Finding::wrong(about, error.to_string(), ""),
        Ok(newest) => newest,
    };
    if state.lineage != reader.lineage() {
        let file = state.file.display();
        return Finding::wrong(
            about,
            format!("{file} is of another board that was there"),
            format!(
                "run `pegel load {file} --replace` to restore its record, or move the file away"
            ),
        );
    }
    let told = format!(
        "sequence {} is on the disk, {newest} is the newest",
        state.sequence
    );
    match behind(reader, &state) {
        Some(time) => Finding::wrong(
            about,
            format!("{told}, since {time}"),
            format!("`pegel sync {}` says why, or {START}", reader.board()),
        ),
        None => Finding::ok(about, told),
    }
}

/// For how long something has waited to be synced, if that is long.
fn behind(reader: &Reader, state: &State) -> Option<String> {
    let waits = reader.read_after(state.sequence).ok()?;
    let stamp = waits.stamp();
    let synced = fs::metadata(&state.file).and_then(|file| file.modified());
    // What the ring no longer holds has waited longer, but no longer than since the last sync.
    let age = if stamp.missed > 0 {
        let since = SystemTime::now().duration_since(synced.ok()?).ok()?;
        i64::try_from(since.as_nanos()).ok()?
    } else if stamp.is_timed() {
        stamp.age_ns
    } else {
        return None;
    };
    (i128::from(age) > LONG.as_nanos().cast_signed()).then(|| time::age(age))
}
