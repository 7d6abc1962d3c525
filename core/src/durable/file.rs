//! Durable files by their paths: finding, locking, restoring and removing them.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::stat::{FileStat, stat};

use super::header::FileHeader;
use super::slots::{Geometry, Slots};
use crate::board::Board;
use crate::error::{Error, ErrorKind, Result};
use crate::segment::lock::{ForkSafeFile, Lock, try_lock};
use crate::segment::path::BoardPath;
use crate::segment::removal::{remove_ours, unhidden};
use crate::segment::seed::{Seed, write_segment};
use crate::segment::trust::{self, Access, Tries, is_same, names, open_trusted};
use crate::segment::{self, Draft, HiddenFile, sync_directory};

const PREFIX: &str = "pegel.";
const SUFFIX: &str = ".durable";
/// How long to wait for another process that has locked the file. A sync takes no longer, even on a
/// bad SD card; but a stopped or hostile process must not block the keeper of other boards, or a
/// writer forever.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two attempts, about as long as a sync takes.
const PAUSE: Duration = Duration::from_micros(500);

/// The durable file of a board.
pub fn path(place: &BoardPath) -> PathBuf {
    let name = &place.name;
    super::directory().join(format!("{PREFIX}{name}{SUFFIX}"))
}

/// Whether a file has the name of a durable one.
pub fn is_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// The files that exited processes left beside the durable files of the boards in a directory, by
/// the names of the boards. Durable files of other directories can lie there, too.
pub fn leftovers(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(super::directory()).into_iter().flatten();
    let leftover = |path: PathBuf| {
        let name = unhidden(path.file_name()?.to_str()?)?;
        let name = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let place = BoardPath::parse(&format!("{}/{name}", directory.display())).ok()?;
        let file = Opened::open(&path, Access::Read).ok()??;
        (file.owner(&place) == Owner::This).then_some((place.name, path.clone()))
    };
    entries
        .flatten()
        .filter_map(|entry| leftover(entry.path()))
        .collect()
}

/// Removes the leftovers of a board, except those of other users. `LOCKED` while a process syncs.
pub fn remove_leftovers(place: &BoardPath) -> Result<()> {
    let _syncs = match Opened::lock(&path(place)) {
        Err(error) if error.kind() == ErrorKind::Locked => return Err(error),
        opened => opened,
    };
    for (name, file) in leftovers(&place.directory) {
        if name == place.name {
            remove_ours(&file);
        }
    }
    Ok(())
}

/// Whether a file exists, or may exist.
pub fn exists(path: &Path) -> bool {
    let absent = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    !fs::symlink_metadata(path).is_err_and(absent)
}

/// DIRECTORY/NAME of a board, with the canonical directory.
pub fn board_path(place: &BoardPath) -> Result<PathBuf> {
    let directory = fs::canonicalize(&place.directory)
        .map_err(|error| Error::io(&error, "find the directory", &place.directory))?;
    Ok(directory.join(&place.name))
}

/// An open durable file with a valid header.
#[derive(Debug)]
pub struct Opened {
    file: ForkSafeFile,
    status: FileStat,
    pub path: PathBuf,
    pub header: FileHeader,
    geometry: Geometry,
}

impl Opened {
    /// Opens a file; `None` if it does not exist.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>> {
        match open_trusted(path, access) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok((file, status)) => Self::of(path, ForkSafeFile::new(file), status).map(Some),
        }
    }

    /// Opens a file and locks it, until this is dropped. `LOCKED` if another process holds it too
    /// long.
    pub fn lock(path: &Path) -> Result<Option<Self>> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        let mut tries = Tries::default();
        loop {
            let (file, status) = match open_trusted(path, Access::Write) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let file = ForkSafeFile::new(file);
            while !try_lock(&file, Lock::Exclusive, path)? {
                if Instant::now() >= deadline {
                    return Err(locked(path));
                }
                sleep(PAUSE);
            }
            // It may have been replaced or removed before it was locked.
            if names(path, &status) {
                return Self::of(path, file, status).map(Some);
            }
            tries.again(path, Some(&status))?;
        }
    }

    /// Opens a file that may be read but not written, as on a read-only disk, where it needs no
    /// lock.
    fn open_read_only(path: &Path) -> Result<Option<Self>> {
        let opened = match Self::open(path, Access::Read) {
            Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
            opened => opened?,
        };
        if let Some(file) = &opened {
            // Root may open files of other users, which must not be restored.
            trust::check(path, &file.status, Access::Write)?;
        }
        Ok(opened)
    }

    fn of(path: &Path, file: ForkSafeFile, status: FileStat) -> Result<Self> {
        let size = u64::try_from(status.st_size).unwrap_or(0);
        let (header, geometry) = FileHeader::read(&file, size, path)?;
        Ok(Self {
            file,
            status,
            path: path.to_owned(),
            header,
            geometry,
        })
    }

    pub fn slots(&self) -> Slots<'_, File> {
        Slots {
            disk: &self.file,
            geometry: &self.geometry,
            path: &self.path,
        }
    }

    /// Whose file this is. A directory of boards has other paths where it is mounted elsewhere, as
    /// in a container, so the path in the file alone does not make it another board's.
    pub fn owner(&self, place: &BoardPath) -> Owner {
        let named = &self.header.board;
        if named.file_name() != Some(OsStr::new(&place.name)) {
            return Owner::Other;
        }
        let directory = named.parent().and_then(|path| stat(path).ok());
        let here = stat(&place.directory).ok();
        if directory
            .zip(here)
            .is_some_and(|(one, other)| is_same(&one, &other))
        {
            return Owner::This;
        }
        let Some(Ok(other)) = named.to_str().map(BoardPath::parse) else {
            return Owner::Moved;
        };
        let is_other = match Board::open(other, Access::ReadUnmapped) {
            Ok(board) => {
                board.lineage == self.header.lineage && !names(&place.board, &board.status)
            }
            Err(error) => error.kind() == ErrorKind::Denied,
        };
        if is_other { Owner::Other } else { Owner::Moved }
    }

    /// Refuses the file of another board.
    pub fn check_board(&self, place: &BoardPath) -> Result<()> {
        match self.owner(place) {
            Owner::Other => Err(self.of_other(place)),
            Owner::This | Owner::Moved => Ok(()),
        }
    }

    fn of_other(&self, place: &BoardPath) -> Error {
        let (file, other) = (self.path.display(), self.header.board.display());
        let (directory, name) = (place.directory.display(), &place.name);
        let message = format!(
            "{file}: the file belongs to the board {other}, not to {directory}/{name}. Set \
             PEGEL_DURABLE_DIR to a directory of its own, or give the board another name."
        );
        Error::new(ErrorKind::Untrusted, message)
    }

    fn of_moved(&self, place: &BoardPath) -> Error {
        let (file, board) = (self.path.display(), self.header.board.display());
        let (directory, name) = (place.directory.display(), &place.name);
        let message = format!(
            "{file}: the file has a record of {board}, which may be the same board under another \
             path (got {directory}/{name}). Create the board with `durable` to restore that \
             record, or set PEGEL_DURABLE_DIR to another directory."
        );
        Error::new(ErrorKind::Untrusted, message)
    }

    /// Refuses the file of an earlier board.
    pub fn check_lineage(&self, header: &FileHeader) -> Result<()> {
        if self.header.lineage == header.lineage {
            return Ok(());
        }
        let (file, board) = (self.path.display(), self.header.board.display());
        let message = format!(
            "{file}: the file belongs to an earlier board {board}. Run `pegel load {file} \
             --replace` to restore its record, or move the file away to begin anew."
        );
        Err(Error::new(ErrorKind::Untrusted, message))
    }
}

/// Whose a durable file is, as seen from the path of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    This,
    /// This board's, unless one of the same name in another directory waits to be restored: nothing
    /// else has its lineage.
    Moved,
    /// A board of that lineage exists elsewhere, or cannot be opened, or the name is another one.
    Other,
}

/// For whom an absent board is restored from its durable file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A creator that asks for a durable board.
    DurableCreator,
    /// A creator that does not.
    Creator,
    /// A caller that only opens the board.
    Opener,
}

/// Returns when the name of the file is on disk.
pub fn sync_parent(path: &Path) -> Result<()> {
    sync_directory(path)
        .map_err(|error| Error::io(&error, "write to the disk the directory of", path))
}

/// The segment of a board that is restored from its durable file; `None` if it has none.
pub fn restore_segment(place: &BoardPath, caller: Caller) -> Result<Option<Draft>> {
    let file = match Opened::lock(&path(place)) {
        // Most boards have nothing to do with that directory, which not all users may search.
        Err(error) if error.kind() == ErrorKind::Denied => {
            match Opened::open_read_only(&path(place))? {
                None if caller == Caller::DurableCreator => return Err(error),
                opened => opened,
            }
        }
        opened => opened?,
    };
    let Some(file) = file else {
        return Ok(None);
    };
    match (file.owner(place), caller) {
        (Owner::Other, Caller::DurableCreator) => return Err(file.of_other(place)),
        (Owner::Other, Caller::Creator | Caller::Opener) => return Ok(None),
        (Owner::Moved, Caller::Creator) => return Err(file.of_moved(place)),
        (Owner::This | Owner::Moved, _) => {}
    }
    let FileHeader {
        schema,
        layout,
        mode,
        ..
    } = &file.header;
    // Allocated first, so that a record that does not fit into the board's memory is not read at
    // all.
    let draft = Draft::new(&place.directory, *mode, layout.segment_size)?;
    let seed = file.slots().newest()?.restored();
    let write = |offset, bytes: &[u8]| draft.write(offset, bytes, &place.board);
    write_segment(schema, layout, &seed, write)?;
    draft.give_to(&file.status);
    Ok(Some(draft))
}

/// The durable file of a board that is about to be removed.
#[derive(Debug)]
pub struct Removal {
    path: PathBuf,
    /// Locked, so that no process syncs into the file meanwhile.
    _opened: Option<Opened>,
}

/// The durable file to remove with a board, which may be absent; `None` if there is none. If the
/// board is not durable, only a file that is certainly its own is removed. `DENIED` if this process
/// may not remove it.
pub fn prepare_removal(place: &BoardPath, board: Option<&Board>) -> Result<Option<Removal>> {
    let path = path(place);
    let is_durable = board.map(|board| board.layout.durable);
    let opened = match Opened::lock(&path) {
        Ok(None) => return Ok(None),
        Err(error) => match (error.kind(), is_durable) {
            (_, Some(false)) | (ErrorKind::Denied, None) => return Ok(None),
            (ErrorKind::Corrupt, _) => None,
            _ => return Err(error),
        },
        opened => opened?,
    };
    let is_its = |file: &Opened| match file.owner(place) {
        Owner::This => true,
        Owner::Moved => board.is_some_and(|board| board.lineage == file.header.lineage),
        Owner::Other => false,
    };
    if opened.as_ref().is_some_and(|file| !is_its(file)) {
        return Ok(None);
    }
    segment::check_removable(&path)?;
    Ok(Some(Removal {
        path,
        _opened: opened,
    }))
}

impl Removal {
    /// Removes the board, and then the file. After a crash in between, the board is restored from
    /// the file, as after a reboot, and can be removed again; in the other order, a board that is
    /// in use would have lost its durable file. If a step fails, the previous ones are undone.
    pub fn remove_with(&self, board: &Path) -> Result<()> {
        segment::remove_left(&self.path);
        let board = HiddenFile::hide(board)?;
        let restore = |_: &Error| {
            if let Some(board) = &board {
                let _hidden = board.restore();
            }
        };
        let file = self.hide().inspect_err(restore)?;
        let removed = board.as_ref().map_or(Ok(()), HiddenFile::remove);
        removed
            .inspect_err(|_| self.restore(file.as_ref()))
            .inspect_err(restore)?;
        // If this fails, the board is restored from the file, and the removal can be repeated.
        let removed = file.as_ref().map_or(Ok(()), HiddenFile::remove);
        removed.inspect_err(|_| self.restore(file.as_ref()))
    }

    /// Hides the file; `None` if it was removed by hand.
    fn hide(&self) -> Result<Option<HiddenFile>> {
        let file = HiddenFile::hide(&self.path)?;
        sync_parent(&self.path).inspect_err(|_| self.restore(file.as_ref()))?;
        Ok(file)
    }

    fn restore(&self, file: Option<&HiddenFile>) {
        if let Some(file) = file {
            let _hidden = file.restore().and_then(|()| sync_parent(&self.path));
        }
    }
}

/// Reads a copy of a durable file, in any directory.
pub fn read_copy(path: &Path) -> Result<(FileHeader, Seed)> {
    let file = Opened::open(path, Access::ReadUntrusted)?.ok_or_else(|| not_found(path))?;
    let seed = file.slots().newest()?.restored();
    Ok((file.header, seed))
}

fn locked(path: &Path) -> Error {
    let (path, timeout) = (path.display(), LOCK_TIMEOUT.as_secs());
    let message = format!(
        "{path}: another process has locked the file for {timeout} s. Run `fuser {path}` to find \
         it, and `pegel sync` to try again."
    );
    Error::new(ErrorKind::Locked, message)
}

pub fn not_found(path: &Path) -> Error {
    let path = path.display();
    let message = format!("{path}: durable file not found. Create the board again to make it.");
    Error::new(ErrorKind::NotFound, message)
}
