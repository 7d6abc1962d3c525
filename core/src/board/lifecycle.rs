//! Creating, opening, replacing and removing boards. A crash at any point leaves the old board or
//! the new one.

use std::path::Path;
use std::time::Duration;

use nix::sys::stat::lstat;

use crate::board::Board;
use crate::board::open::absent;
use crate::board::options::Options;
use crate::board::snapshot_file::{self, SnapshotFile};
use crate::board::spec::BoardSpec;
use crate::board::writer_lock::WriterLock;
use crate::durable::{self, Caller, DurableWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::ring::MAX_SEQUENCE;
use crate::schema::Schema;
use crate::segment::mode::DEFAULT_MODE;
use crate::segment::path::BoardPath;
use crate::segment::seed::Seed;
use crate::segment::trust::{self, Access};
use crate::segment::{remove, remove_left};

/// Creates a board, or opens the one that exists, and returns the writer lock.
pub fn create(
    place: &BoardPath,
    schema: &Schema,
    options: &Options,
) -> Result<(Board, WriterLock)> {
    let spec = BoardSpec::new(place, schema, options)?;
    let mut lock = WriterLock::acquire(place, spec.mode, Some(options.timeout))?;
    let open = || Board::open(place.clone(), Access::Write);
    let caller = if options.durable {
        Caller::DurableCreator
    } else {
        Caller::Creator
    };
    let mut board = match open_or_restore(place, options.replace, caller, &mut lock)? {
        Found::Board(old) => {
            old.check_own()?;
            let has_all = spec.satisfied_by(&old)?;
            if has_all && (old.layout.durable || !options.durable) {
                old
            } else {
                let schema = if has_all { &old.schema } else { schema };
                BoardSpec { schema, ..spec }.replace(&old)?;
                open()?
            }
        }
        Found::Nothing => {
            if !spec.create(Seed::fresh())?.link(&place.board)? {
                return Err(lost_race(place));
            }
            lock.keep_file();
            open()?
        }
        Found::Invalid => {
            let draft = spec.create(Seed::fresh())?;
            draft.replace(&place.board)?;
            open()?
        }
        Found::Unrestorable(error) => return Err(error),
    };
    if options.mode != 0 {
        board.set_mode(options.mode)?;
    }
    lock.retain(&board.status)?;
    if board.layout.durable {
        let newest = board.ring().head().sequence;
        let seed = board.seed_of(newest, board.record(newest));
        match DurableWriter::of(&board, seed)?.prepare() {
            // A creator that did not ask for a durable file may lack access to it.
            Err(error) if error.kind() == ErrorKind::Denied && !options.durable => {}
            prepared => drop(prepared?),
        }
    }
    Ok((board, lock))
}

/// What exists at the path of a board.
#[allow(clippy::large_enum_variant)] // there is one, and for a moment
enum Found {
    Board(Board),
    Nothing,
    /// A file that is damaged, or of another version, and may be replaced.
    Invalid,
    /// No board, but a durable file from which it cannot be restored.
    Unrestorable(Error),
}

/// Opens the board, or restores it from its durable file if it is absent.
fn open_or_restore(
    place: &BoardPath,
    replace: bool,
    caller: Caller,
    lock: &mut WriterLock,
) -> Result<Found> {
    let open = || Board::open(place.clone(), Access::Write);
    let found = match open() {
        Ok(board) => return Ok(Found::Board(board)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound if place.directory.is_dir() => Found::Nothing,
            ErrorKind::Corrupt | ErrorKind::Unsupported if replace => Found::Invalid,
            _ => return Err(error),
        },
    };
    let draft = match durable::restore_segment(place, caller) {
        Ok(Some(draft)) => draft,
        Ok(None) => return Ok(found),
        Err(error) => return Ok(Found::Unrestorable(error)),
    };
    if matches!(found, Found::Invalid) {
        draft.replace(&place.board)?;
    } else if !draft.link(&place.board)? {
        return Err(lost_race(place));
    }
    lock.keep_file();
    open().map(Found::Board)
}

/// Restores an absent board from its durable file; `false` if there is none.
pub fn restore_durable(place: &BoardPath, timeout: Option<Duration>) -> Result<bool> {
    // Checked before the lock, which may need permissions that the caller lacks.
    match durable::state_of(place) {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(false),
        Err(error) if error.kind() == ErrorKind::Denied => return Ok(false),
        Err(error) => return Err(error),
    }
    trust::check_creatable(&place.board)?;
    let mut lock = WriterLock::acquire(place, DEFAULT_MODE, timeout)?;
    match open_or_restore(place, false, Caller::Opener, &mut lock)? {
        Found::Board(board) => lock.retain(&board.status).map(|()| true),
        Found::Unrestorable(error) => Err(error),
        Found::Nothing | Found::Invalid => Ok(false),
    }
}

/// Makes a board from a snapshot file that [`crate::dynamic::Reader::save`] wrote, or from a copy
/// of a durable file, with the sequences and ages of its records. If the options say so, that
/// replaces an existing board, whose sequences then continue. `CORRUPT` if a bit of the file has
/// changed.
pub fn restore(board: &str, file: &Path, options: &Options) -> Result<()> {
    let place = BoardPath::parse(board)?;
    let SnapshotFile {
        schema,
        slots,
        mut seed,
        durable,
        checksum,
        mode,
    } = snapshot_file::read(file)?;
    let options = Options {
        slots: if options.slots == 0 {
            slots
        } else {
            options.slots
        },
        mode: if options.mode == 0 {
            mode
        } else {
            options.mode
        },
        durable: options.durable || durable,
        checksum: options.checksum || checksum,
        ..*options
    };
    let spec = BoardSpec {
        replaces_durable: options.replace,
        ..BoardSpec::new(&place, &schema, &options)?
    };
    let room = spec.layout.slot_count as usize - 1;
    let excess = seed.records.len().saturating_sub(room);
    seed.records.drain(..excess);
    let mode = spec.mode;
    let caller = if options.durable {
        Caller::DurableCreator
    } else {
        Caller::Creator
    };
    let mut lock = WriterLock::acquire(&place, mode, Some(options.timeout))?;
    match open_or_restore(&place, options.replace, caller, &mut lock)? {
        Found::Board(_) if !options.replace => {
            let (name, path) = (&place.name, place.board.display());
            let message =
                format!("board {name} ({path}) already exists. Pass `replace` to replace it.");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Found::Board(old) => {
            old.check_own()?;
            let newest = old.ring().head().sequence;
            let newest = newest.saturating_add(seed.records.len() as u64);
            spec.replace_by(&old, newest.min(MAX_SEQUENCE), seed.records)?;
        }
        Found::Nothing => {
            if !spec.create(seed)?.link(&place.board)? {
                return Err(lost_race(&place));
            }
        }
        Found::Invalid => spec.create(seed)?.replace(&place.board)?,
        // The loaded file is a copy of the durable one.
        Found::Unrestorable(error)
            if options.replace
                && matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::System) =>
        {
            spec.create(seed)?.replace(&place.board)?;
        }
        Found::Unrestorable(error) => return Err(error),
    }
    lock.keep_file();
    let status = lstat(&place.board);
    lock.retain(&status.map_err(|errno| Error::system(errno, "stat", &place.board))?)
}

/// Makes a mirror from this seed, and replaces an existing mirror. The caller must hold the lock.
pub fn mirror(place: &BoardPath, schema: &Schema, options: &Options, seed: Seed) -> Result<()> {
    let mut spec = BoardSpec::new(place, schema, options)?;
    spec.layout.mirror = true;
    match Board::open(place.clone(), Access::Write) {
        Ok(old) if !old.layout.mirror => Err(not_a_mirror(place)),
        Ok(old) => {
            if options.mode == 0 {
                spec.mode = old.status.st_mode & 0o7777;
            }
            spec.replace_with(&old, seed)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && place.directory.is_dir() => {
            if spec.create(seed)?.link(&place.board)? {
                Ok(())
            } else {
                Err(lost_race(place))
            }
        }
        Err(error) => Err(error),
    }
}

/// `INVALID_ARGUMENT` if a board exists that is not a mirror, or can be restored from a durable
/// file.
pub fn check_no_own(place: &BoardPath) -> Result<()> {
    match Board::open(place.clone(), Access::ReadUnmapped) {
        Ok(board) if board.layout.mirror => Ok(()),
        Ok(_) => Err(not_a_mirror(place)),
        Err(error) if error.kind() == ErrorKind::NotFound => match durable::has_file(place) {
            Ok(false) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Denied => Ok(()),
            // A damaged file also belongs to a board.
            _ => Err(not_a_mirror(place)),
        },
        // Other errors are found again once the lock is held.
        Err(_) => Ok(()),
    }
}

fn not_a_mirror(place: &BoardPath) -> Error {
    let (name, path) = (&place.name, place.board.display());
    let message = format!("board {name} ({path}) is not a mirror. Give the mirror another name.");
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The error for a file that another program created without the lock.
fn lost_race(place: &BoardPath) -> Error {
    let path = place.board.display();
    let message = format!("{path}: another program created it without its lock. Try again.");
    Error::new(ErrorKind::System, message)
}

/// Removes a board with its durable file; its readers then find it gone. `LOCKED` while it has a
/// writer, `NOT_FOUND` if neither exists. After an error, nothing was removed, or the call can be
/// repeated.
pub fn unlink(board: &str) -> Result<()> {
    let place = BoardPath::parse(board)?;
    let before = match open_to_remove(&place) {
        // The board may only exist as its durable file.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if !durable::exists(&durable::path_for(&place)) {
                return Err(error);
            }
            None
        }
        before => before?,
    };
    let mode = before.map_or(0o600, |board| board.status.st_mode);
    let lock = WriterLock::acquire(&place, mode, Some(Duration::ZERO))?;
    // The board may have changed before the lock was held.
    let (board, absence) = match open_to_remove(&place) {
        Err(error) if error.kind() == ErrorKind::NotFound => (None, Some(error)),
        board => (board?, None),
    };
    let file = durable::prepare_removal(&place, board.as_ref())?;
    if let Some(error) = absence
        && file.is_none()
    {
        return Err(error);
    }
    if let Some(board) = &board {
        board.ring().mark_gone();
    }
    let removed = match &file {
        Some(file) => file.remove_with(&place.board).map(|()| true),
        None => remove(&place.board),
    };
    if let Some(board) = &board {
        // After a failure, the file may still exist.
        if removed.is_err() && board.is_current() {
            board.ring().unmark_gone();
        }
        board.wake();
    }
    if !removed? {
        return Err(absent(&place));
    }
    remove_left(&place.board);
    lock.remove();
    Ok(())
}

/// Opens a board to remove it; `None` if the file is not a valid board, and so has no readers.
fn open_to_remove(place: &BoardPath) -> Result<Option<Board>> {
    match Board::open(place.clone(), Access::LockOrRemove) {
        Ok(board) => Ok(Some(board)),
        Err(error) => match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Untrusted => Ok(None),
            _ => Err(error),
        },
    }
}
