//! The directory of the boards, and what the machine does to files in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{AccessFlags, access, geteuid};

use super::Finding;

const MIB: u64 = 1 << 20;
/// Enough to create a few boards.
const MIN_FREE: u64 = MIB;
/// The page that has the commands for several users.
const SHARING: &str = "docs/sharing.md";

pub fn look(directory: &Path) -> Vec<Finding> {
    let mut findings = vec![kind(directory), rights(directory)];
    findings.extend(sharing(directory));
    findings.push(proc());
    findings.extend(logind(directory));
    findings.extend(tmpfiles(directory));
    findings
}

fn kind(directory: &Path) -> Finding {
    let subject = directory.display().to_string();
    let status = match statfs(directory) {
        Ok(status) => status,
        Err(errno) => {
            let fix = format!("mkdir -p {subject}, or set --dir or PEGEL_DIR");
            return Finding::problem(subject, errno.desc(), fix);
        }
    };
    // Its type differs between machines.
    let block = u64::try_from(i128::from(status.block_size())).unwrap_or(1);
    let size = |blocks: u64| blocks.saturating_mul(block);
    let (free, whole) = (size(status.blocks_available()), size(status.blocks()));
    if status.filesystem_type() != TMPFS_MAGIC {
        return Finding::note(
            subject,
            "it is on disk, and the kernel writes each record to it",
            "use a directory below /dev/shm or /run, which are in memory",
        );
    }
    let message = format!("memory, {} of {} MiB free", free / MIB, whole / MIB);
    // A tmpfs without a limit reports 0.
    if whole > 0 && free < MIN_FREE {
        let fix = format!(
            "remove large files there, or `mount -o remount,size=256M {subject}` \
             (a container: docker run --shm-size=256m)"
        );
        return Finding::problem(subject, message, fix);
    }
    Finding::ok(subject, message)
}

fn rights(directory: &Path) -> Finding {
    let subject = "rights";
    let may = |flags| access(directory, flags).is_ok();
    if !may(AccessFlags::R_OK | AccessFlags::X_OK) {
        return Finding::problem(
            subject,
            "you cannot list it",
            format!(
                "join the group that `ls -ld {0}` shows, or sudo chmod o+rx {0}: see {SHARING}",
                directory.display()
            ),
        );
    }
    if !may(AccessFlags::W_OK) {
        return Finding::note(
            subject,
            "you can read boards there, but not create or write any",
            format!(
                "join the group that `ls -ld {}` shows, if it can write: see {SHARING}",
                directory.display()
            ),
        );
    }
    Finding::ok(subject, "you can read, create and write boards there")
}

/// How users access each other's boards.
fn sharing(directory: &Path) -> Option<Finding> {
    let mode = fs::metadata(directory).ok()?.mode();
    let subject = "sharing";
    let (is_sticky, is_world_writable) = (mode & 0o1000 != 0, mode & 0o002 != 0);
    if is_world_writable && !is_sticky {
        return Some(Finding::problem(
            subject,
            "it is world-writable: any user can remove and replace the boards of others",
            format!("chmod o-w {}", directory.display()),
        ));
    }
    if is_world_writable {
        let protected = fs::read_to_string("/proc/sys/fs/protected_regular").unwrap_or_default();
        return Some(Finding::note(
            subject,
            format!(
                "it is world-writable (fs.protected_regular={}): boards of other users are \
                 rejected",
                protected.trim()
            ),
            format!(
                "to share boards between users: install -d -g GROUP -m 2770 /dev/shm/NAME at boot, \
                 and set PEGEL_DIR or --dir for all of them: see {SHARING}"
            ),
        ));
    }
    if mode & 0o020 != 0 && mode & 0o2000 == 0 {
        return Some(Finding::note(
            subject,
            "a group can create boards there, but each belongs to its creator's own group",
            format!("chmod g+s {}; see {SHARING}", directory.display()),
        ));
    }
    Some(Finding::ok(
        subject,
        "only its owner and its group can create boards there",
    ))
}

fn proc() -> Finding {
    let subject = "/proc";
    match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(_) => Finding::ok(subject, "it is mounted, as creating boards needs"),
        Err(error) => Finding::problem(
            subject,
            format!("{error}: no board can be created without it"),
            "mount -t proc proc /proc",
        ),
    }
}

/// systemd removes what users leave in /dev/shm when they log out (man 5 logind.conf).
fn logind(directory: &Path) -> Option<Finding> {
    let is_shm = directory.starts_with("/dev/shm");
    if !is_shm || !Path::new("/run/systemd/system").exists() {
        return None;
    }
    let subject = "RemoveIPC";
    let fix = "RemoveIPC=no in /etc/systemd/logind.conf, then systemctl restart systemd-logind; \
                  or write the boards as a system user";
    if setting("RemoveIPC").is_some_and(|value| matches!(&*value, "no" | "false" | "off" | "0")) {
        return Some(Finding::ok(subject, "boards stay when their users log out"));
    }
    // As man 5 logind.conf: system users and root are exempt.
    if geteuid().as_raw() < 1000 {
        return Some(Finding::note(
            subject,
            "systemd removes a user's boards at logout, but not yours: you are a system user",
            fix,
        ));
    }
    Some(Finding::problem(
        subject,
        "systemd removes your boards when your last session ends",
        fix,
    ))
}

/// systemd removes files below /tmp that have not changed for a while (man 5 tmpfiles.d). A record
/// that is published through a mapping changes no time of its file.
fn tmpfiles(directory: &Path) -> Option<Finding> {
    let directory = directory.canonicalize().ok()?;
    let mut cleaned = [("/tmp", 10), ("/var/tmp", 30)].into_iter();
    let (parent, days) = cleaned.find(|(parent, _)| directory.starts_with(parent))?;
    Some(Finding::note(
        "tmpfiles",
        format!(
            "systemd-tmpfiles removes files below {parent} after {days} days, boards that are in \
             use among them: publishing does not make a file newer"
        ),
        format!("use a directory below /dev/shm or /run: see {SHARING}"),
    ))
}

/// A setting of logind: the last one of its files in their order.
fn setting(name: &str) -> Option<String> {
    let mut files = vec!["/etc/systemd/logind.conf".into()];
    for directory in ["/usr/lib", "/run", "/etc"] {
        let entries = fs::read_dir(format!("{directory}/systemd/logind.conf.d"));
        let mut found: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        found.sort();
        files.extend(found);
    }
    let texts = files
        .into_iter()
        .filter_map(|file: std::path::PathBuf| fs::read_to_string(file).ok());
    let lines: Vec<_> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let value = lines
        .iter()
        .rev()
        .find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix('='));
    value.map(|value| value.trim().to_ascii_lowercase())
}
