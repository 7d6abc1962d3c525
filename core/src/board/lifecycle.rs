//! How boards come and go: created, taken over, replaced, removed. A death at any point leaves the
//! old board or the new one.

use std::path::Path;
use std::time::Duration;

use nix::sys::stat::lstat;

use crate::board::Board;
use crate::board::open::absent;
use crate::board::options::Options;
use crate::board::snapshot_file::{self, SnapshotFile};
use crate::board::spec::BoardSpec;
use crate::board::writer_lock::WriterLock;
use crate::durable::{self, DurableWriter, Wish};
use crate::error::{Error, ErrorKind, Result};
use crate::ring::MAX_SEQUENCE;
use crate::schema::Schema;
use crate::segment::mode::DEFAULT_MODE;
use crate::segment::path::BoardPath;
use crate::segment::random;
use crate::segment::seed::Seed;
use crate::segment::trust::{self, Access};
use crate::segment::{remove, remove_left};

/// Creates a board or opens the one that is there, for the one whose turn it then is.
pub fn create(
    place: &BoardPath,
    schema: &Schema,
    options: &Options,
) -> Result<(Board, WriterLock)> {
    let wanted = BoardSpec::new(place, schema, options)?;
    let mut turn = WriterLock::wait(place, wanted.mode, Some(options.timeout))?;
    let open = || Board::open(place.clone(), Access::Write);
    let wish = if options.durable {
        Wish::Durable
    } else {
        Wish::Plain
    };
    let mut board = match found(place, options.replace, wish, &mut turn)? {
        Found::Board(old) => {
            old.check_own()?;
            let has_all = wanted.satisfied_by(&old)?;
            if has_all && (old.layout.durable || !options.durable) {
                old
            } else {
                let schema = if has_all { &old.schema } else { schema };
                BoardSpec { schema, ..wanted }.replace(&old)?;
                open()?
            }
        }
        Found::Nothing => {
            if !wanted.begin(beginning())?.link(&place.board)? {
                return Err(appeared(place));
            }
            turn.stay();
            open()?
        }
        Found::Bad => {
            let draft = wanted.begin(beginning())?;
            draft.replace(&place.board)?;
            open()?
        }
        Found::Unrestorable(error) => return Err(error),
    };
    if options.mode != 0 {
        board.set_mode(options.mode)?;
    }
    turn.keep(&board.status)?;
    if board.layout.durable {
        let newest = board.ring().head().sequence;
        let past = board.past_of(newest, board.record(newest));
        match DurableWriter::of(&board, past)?.prepare() {
            // Who did not ask for it may have nothing to do with what is kept.
            Err(error) if error.kind() == ErrorKind::Denied && !options.durable => {}
            prepared => drop(prepared?),
        }
    }
    Ok((board, turn))
}

/// What stands at a place.
#[allow(clippy::large_enum_variant)] // there is one, and for a moment
enum Found {
    Board(Board),
    Nothing,
    /// What is damaged, or of another version, and may be replaced.
    Bad,
    /// No board, and a durable file from which it cannot be restored.
    Unrestorable(Error),
}

/// Looks what there is; the board that comes back from its durable file, if there is nothing else.
fn found(place: &BoardPath, replace: bool, wish: Wish, turn: &mut WriterLock) -> Result<Found> {
    let open = || Board::open(place.clone(), Access::Write);
    let found = match open() {
        Ok(board) => return Ok(Found::Board(board)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound if place.directory.is_dir() => Found::Nothing,
            ErrorKind::Corrupt | ErrorKind::Unsupported if replace => Found::Bad,
            _ => return Err(error),
        },
    };
    let draft = match durable::restored(place, wish) {
        Ok(Some(draft)) => draft,
        Ok(None) => return Ok(found),
        Err(error) => return Ok(Found::Unrestorable(error)),
    };
    if matches!(found, Found::Bad) {
        draft.replace(&place.board)?;
    } else if !draft.link(&place.board)? {
        return Err(appeared(place));
    }
    turn.stay();
    open().map(Found::Board)
}

/// Lets a board that is absent come back from its durable file; `false` if it has none.
pub fn restore_durable(place: &BoardPath, timeout: Option<Duration>) -> Result<bool> {
    // Who finds none takes no turn, which may need rights that he has not.
    match durable::look_at(place) {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(false),
        Err(error) if error.kind() == ErrorKind::Denied => return Ok(false),
        Err(error) => return Err(error),
    }
    trust::check_creatable(&place.board)?;
    let mut turn = WriterLock::wait(place, DEFAULT_MODE, timeout)?;
    match found(place, false, Wish::Existing, &mut turn)? {
        Found::Board(board) => turn.keep(&board.status).map(|()| true),
        Found::Unrestorable(error) => Err(error),
        Found::Nothing | Found::Bad => Ok(false),
    }
}

/// Makes a board of a snapshot file that [`crate::dynamic::Reader::save`] wrote, or of a copy of a durable file, with its
/// records as old as they are, and their sequences. One that is there is replaced if the options say so: its sequences then go on, and the
/// records are its newest. `CORRUPT` if a bit of the file has changed.
pub fn restore(board: &str, file: &Path, options: &Options) -> Result<()> {
    let place = BoardPath::parse(board)?;
    let SnapshotFile {
        schema,
        slots,
        mut past,
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
    let wanted = BoardSpec {
        supersedes: options.replace,
        ..BoardSpec::new(&place, &schema, &options)?
    };
    let room = wanted.layout.slot_count as usize - 1;
    let excess = past.records.len().saturating_sub(room);
    past.records.drain(..excess);
    let mode = wanted.mode;
    let wish = if options.durable {
        Wish::Durable
    } else {
        Wish::Plain
    };
    let mut turn = WriterLock::wait(&place, mode, Some(options.timeout))?;
    match found(&place, options.replace, wish, &mut turn)? {
        Found::Board(_) if !options.replace => {
            let (name, path) = (&place.name, place.board.display());
            let message = format!("board {name} ({path}) is there already; ask to replace it");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Found::Board(old) => {
            old.check_own()?;
            let newest = old.ring().head().sequence;
            let newest = newest.saturating_add(past.records.len() as u64);
            wanted.replace_by(&old, newest.min(MAX_SEQUENCE), past.records)?;
        }
        Found::Nothing => {
            if !wanted.begin(past)?.link(&place.board)? {
                return Err(appeared(&place));
            }
        }
        Found::Bad => wanted.begin(past)?.replace(&place.board)?,
        // The file that the loaded one is a copy of.
        Found::Unrestorable(error)
            if options.replace
                && matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::System) =>
        {
            wanted.begin(past)?.replace(&place.board)?;
        }
        Found::Unrestorable(error) => return Err(error),
    }
    turn.stay();
    let status = lstat(&place.board);
    turn.keep(&status.map_err(|errno| Error::system(errno, "stat", &place.board))?)
}

/// Makes a mirror that begins with this past, for the one whose turn it is; one that is there makes way.
pub fn mirror(place: &BoardPath, schema: &Schema, options: &Options, past: Seed) -> Result<()> {
    let mut wanted = BoardSpec::new(place, schema, options)?;
    wanted.layout.mirror = true;
    match Board::open(place.clone(), Access::Write) {
        Ok(old) if !old.layout.mirror => Err(own(place)),
        Ok(old) => {
            if options.mode == 0 {
                wanted.mode = old.status.st_mode & 0o7777;
            }
            wanted.replace_with(&old, past)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && place.directory.is_dir() => {
            if wanted.begin(past)?.link(&place.board)? {
                Ok(())
            } else {
                Err(appeared(place))
            }
        }
        Err(error) => Err(error),
    }
}

/// `INVALID_ARGUMENT` where a board of this machine's own stands, or will when it comes back from its durable file.
pub fn check_no_own(place: &BoardPath) -> Result<()> {
    match Board::open(place.clone(), Access::ReadUnmapped) {
        Ok(board) if board.layout.mirror => Ok(()),
        Ok(_) => Err(own(place)),
        Err(error) if error.kind() == ErrorKind::NotFound => match durable::is_kept(place) {
            Ok(false) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Denied => Ok(()),
            // One that is damaged is somebody's, too.
            _ => Err(own(place)),
        },
        // What else stands there, the one whose turn it is finds out.
        Err(_) => Ok(()),
    }
}

fn own(place: &BoardPath) -> Error {
    let (name, path) = (&place.name, place.board.display());
    let message =
        format!("board {name} ({path}) is this machine's own; give the mirror another name");
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Somebody who does not keep to the lock was there first.
fn appeared(place: &BoardPath) -> Error {
    let path = place.board.display();
    let message = format!("{path} appeared while its lock was held; try again");
    Error::new(ErrorKind::System, message)
}

/// Removes a board, with its durable file: its readers find it gone. `LOCKED` while it has a writer, `NOT_FOUND` when
/// there is none. What is refused, or fails, has removed nothing, or can be repeated.
pub fn unlink(board: &str) -> Result<()> {
    let place = BoardPath::parse(board)?;
    let before = match removable(&place) {
        // Not before somebody wants it does it come back from its durable file.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if !durable::is_there(&durable::path_for(&place)) {
                return Err(error);
            }
            None
        }
        before => before?,
    };
    let mode = before.map_or(0o600, |board| board.status.st_mode);
    let turn = WriterLock::wait(&place, mode, Some(Duration::ZERO))?;
    // What it was before the turn, it may be no longer.
    let (board, absence) = match removable(&place) {
        Err(error) if error.kind() == ErrorKind::NotFound => (None, Some(error)),
        board => (board?, None),
    };
    let file = durable::removal(&place, board.as_ref())?;
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
        // After a failure, it may be there still, or gone for good.
        if removed.is_err() && board.is_current() {
            board.ring().unmark_gone();
        }
        board.wake();
    }
    if !removed? {
        return Err(absent(&place));
    }
    remove_left(&place.board);
    turn.discard();
    Ok(())
}

/// The board that is to be removed; `None` if what stands there is none, and so has no readers.
fn removable(place: &BoardPath) -> Result<Option<Board>> {
    match Board::open(place.clone(), Access::Tidy) {
        Ok(board) => Ok(Some(board)),
        Err(error) => match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Untrusted => Ok(None),
            _ => Err(error),
        },
    }
}

/// Of a board that has no past.
fn beginning() -> Seed {
    Seed {
        sequence: 0,
        generation: 0,
        lineage: random(),
        records: Vec::new(),
    }
}
