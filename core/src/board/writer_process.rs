//! Finds the process that writes a board. The kernel does not name the holder of a lock of an open
//! file, but shows such locks with each open file in /proc.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;

/// A process that writes a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterProcess {
    /// Its id in this PID namespace.
    pub id: u32,
    /// Its name in the kernel, at most 15 bytes, which the process itself chooses.
    pub name: String,
}

impl Display for WriterProcess {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        // The name can have control characters, which must not reach a terminal.
        write!(out, "process {} ({})", self.id, self.name.escape_debug())
    }
}

/// The process that holds a lock; `None` if there is none, or if it is another user's, whose open
/// files only root can see.
pub fn holder(lock: &Path) -> Option<WriterProcess> {
    let lock = fs::canonicalize(lock).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let id: u32 = ids.find(|id| holds(*id, &lock))?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some(WriterProcess {
        id,
        name: name.trim_end().to_owned(),
    })
}

fn holds(process: u32, lock: &Path) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    files.into_iter().flatten().flatten().any(|link| {
        let is_lock = || fs::read_link(link.path()).is_ok_and(|target| target == lock);
        is_lock() && is_locked(process, &link.file_name().to_string_lossy())
    })
}

/// Whether this open file holds the lock. A process that waits for the lock has the file open, too.
fn is_locked(process: u32, file: &str) -> bool {
    let locks = fs::read_to_string(format!("/proc/{process}/fdinfo/{file}"));
    locks.is_ok_and(|locks| locks.contains("\nlock:"))
}
