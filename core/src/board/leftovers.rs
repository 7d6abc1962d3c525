//! What exited processes left while they replaced or removed boards: hidden files beside boards and
//! durable files, and locks without a board.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::board::writer_lock::WriterLock;
use crate::durable;
use crate::error::{Error, Result};
use crate::segment::path::{self, BoardPath};
use crate::segment::{removal, remove_left};

/// The leftover files of the boards in a directory, sorted, by the names of their boards; `None` is
/// [`crate::directory`]. Some may belong to a writer that is replacing its board at this moment.
pub fn leftovers(directory: Option<&Path>) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let directory = directory.map_or_else(path::directory, Path::to_path_buf);
    let failed = |error: std::io::Error| Error::io(&error, "list the boards in", &directory);
    let mut leftovers = BTreeMap::<_, Vec<_>>::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let board = match removal::unhidden(name) {
            Some(board_file) => path::board_of(board_file),
            None => path::board_of_lock(name).filter(|board| is_absent(&directory, board)),
        };
        if let Some(board) = board {
            let files = leftovers.entry(board.to_owned()).or_default();
            files.push(directory.join(name));
        }
    }
    for (board, file) in durable::leftovers(&directory) {
        leftovers.entry(board).or_default().push(file);
    }
    for files in leftovers.values_mut() {
        files.sort();
    }
    Ok(leftovers)
}

/// Removes the leftover files of a board, except those of other users. `LOCKED` while the board has
/// a writer.
pub fn remove_leftovers(board: &str) -> Result<()> {
    let place = BoardPath::parse(board)?;
    let lock = WriterLock::try_acquire(&place, 0o600)?;
    remove_left(&place.board);
    durable::remove_leftovers(&place)?;
    if is_absent(&place.directory, &place.name) {
        lock.remove();
    }
    Ok(())
}

/// Whether there is neither a board of this name, nor a durable file to restore it from.
fn is_absent(directory: &Path, name: &str) -> bool {
    let place = BoardPath::parse(&format!("{}/{name}", directory.display()));
    place.is_ok_and(|place| {
        fs::symlink_metadata(&place.board).is_err() && !durable::exists(&durable::path_for(&place))
    })
}
