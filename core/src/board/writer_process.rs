//! Which process writes a board, as far as one may see: the kernel tells nobody who holds its locks (open file
//! description locks have no owner), but whoever holds one has the file open.

use std::fs;
use std::path::Path;

use pegel::dynamic::Reader;

/// A process.
pub struct Process {
    pub id: u32,
    pub name: String,
}

/// The writer of a board that has one; `None` if it is another user's, of which only root may see the files.
pub fn writer(reader: &Reader) -> Option<Process> {
    let mut lock = reader.path().as_os_str().to_owned();
    lock.push(".lock");
    let lock = fs::canonicalize(lock).ok()?;
    let ids = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let id: u32 = ids.find(|id| has_open(*id, &lock))?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some(Process {
        id,
        name: name.trim_end().to_owned(),
    })
}

fn has_open(process: u32, file: &Path) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let mut targets = files.filter_map(|link| fs::read_link(link.path()).ok());
    targets.any(|target| target == file)
}
