//! The directory of the boards, and what the machine does to files in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{AccessFlags, access, geteuid};

use super::Finding;

const MIB: u64 = 1 << 20;
/// What creating boards takes, a few of them.
const LITTLE: u64 = MIB;

pub fn look(directory: &Path) -> Vec<Finding> {
    let mut findings = vec![kind(directory), rights(directory)];
    findings.extend(sharing(directory));
    findings.push(proc());
    findings.extend(logind(directory));
    findings
}

fn kind(directory: &Path) -> Finding {
    let about = directory.display().to_string();
    let status = match statfs(directory) {
        Ok(status) => status,
        Err(errno) => {
            let remedy = format!("mkdir -p {about}, or name another with --dir or PEGEL_DIR");
            return Finding::wrong(about, errno.desc(), remedy);
        }
    };
    // Its type is another one on each machine.
    let block = u64::try_from(i128::from(status.block_size())).unwrap_or(1);
    let size = |blocks: u64| blocks.saturating_mul(block);
    let (free, whole) = (size(status.blocks_available()), size(status.blocks()));
    if status.filesystem_type() != TMPFS_MAGIC {
        return Finding::note(
            about,
            "it is on a disk, to which the kernel writes what is published",
            "take a directory below /dev/shm or /run, which are memory",
        );
    }
    let told = format!("memory, {} of {} MiB free", free / MIB, whole / MIB);
    // A tmpfs without a limit says 0.
    if whole > 0 && free < LITTLE {
        let remedy = format!(
            "remove what is large there, or `mount -o remount,size=256M {about}` \
             (a container: docker run --shm-size=256m)"
        );
        return Finding::wrong(about, told, remedy);
    }
    Finding::ok(about, told)
}

fn rights(directory: &Path) -> Finding {
    let about = "rights";
    let may = |flags| access(directory, flags).is_ok();
    if !may(AccessFlags::R_OK | AccessFlags::X_OK) {
        return Finding::wrong(
            about,
            "you may not look into it",
            format!(
                "sudo chmod o+rx {0}, or join the group that `ls -ld {0}` shows",
                directory.display()
            ),
        );
    }
    if !may(AccessFlags::W_OK) {
        return Finding::note(
            about,
            "you may read boards there, but not make or write any",
            format!(
                "join the group that `ls -ld {}` shows, if it may write",
                directory.display()
            ),
        );
    }
    Finding::ok(about, "you may read, make and write boards there")
}

/// How users get at each other's boards.
fn sharing(directory: &Path) -> Option<Finding> {
    let mode = fs::metadata(directory).ok()?.mode();
    let about = "sharing";
    let (is_sticky, is_everybodys) = (mode & 0o1000 != 0, mode & 0o002 != 0);
    if is_everybodys && !is_sticky {
        return Some(Finding::wrong(
            about,
            "everybody may remove and replace everybody's boards there",
            format!("chmod o-w {}", directory.display()),
        ));
    }
    if is_everybodys {
        let protected = fs::read_to_string("/proc/sys/fs/protected_regular").unwrap_or_default();
        return Some(Finding::note(
            about,
            format!(
                "everybody may make boards there (fs.protected_regular={}): each one's are his own, \
                 and boards of strangers are refused",
                protected.trim()
            ),
            "for programs of several users: install -d -g GROUP -m 2770 /dev/shm/NAME at boot, \
             and --dir or PEGEL_DIR=/dev/shm/NAME for all of them (docs/sharing.md)",
        ));
    }
    if mode & 0o020 != 0 && mode & 0o2000 == 0 {
        return Some(Finding::note(
            about,
            "a group may make boards there, but they belong to each maker's own group",
            format!("chmod g+s {}", directory.display()),
        ));
    }
    Some(Finding::ok(
        about,
        "only those may make boards there who are meant to",
    ))
}

fn proc() -> Finding {
    let about = "/proc";
    match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(_) => Finding::ok(about, "it is mounted, which making boards needs"),
        Err(error) => Finding::wrong(
            about,
            format!("{error}: no board can be made without it"),
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
    let about = "RemoveIPC";
    let remedy = "RemoveIPC=no in /etc/systemd/logind.conf, then systemctl restart systemd-logind; \
                  or let a system user write the boards";
    if setting("RemoveIPC").is_some_and(|value| matches!(&*value, "no" | "false" | "off" | "0")) {
        return Some(Finding::ok(about, "boards stay when their users log out"));
    }
    // As man 5 logind.conf: system users and root are exempt.
    if geteuid().as_raw() < 1000 {
        return Some(Finding::note(
            about,
            "systemd removes the boards of a user who logs out; not root's and system users', as yours",
            remedy,
        ));
    }
    Some(Finding::wrong(
        about,
        "systemd removes your boards as soon as you have logged out everywhere",
        remedy,
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
