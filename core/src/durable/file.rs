//! Durable files by their names: found, locked, made anew, removed.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::sys::stat::FileStat;

use super::head::Head;
use super::lasting;
use super::places::{Form, Places};
use crate::board::{Board, Past};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::lock::{OwnFile, lock_exclusively};
use crate::place::Place;
use crate::saving::{Saved, sync_directory};
use crate::schema::Schema;
use crate::segment::{self, Draft};
use crate::trust::{Access, names, open_trusted};
use crate::turn::writers_only;

const PREFIX: &str = "pegel.";
const SUFFIX: &str = ".durable";

/// The durable file of a board.
pub fn path(place: &Place) -> PathBuf {
    let name = &place.name;
    super::directory().join(format!("{PREFIX}{name}{SUFFIX}"))
}

/// Where a new one waits to take the name.
fn next(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.next"))
}

/// Whether a file has the name of a durable one.
pub fn is_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// DIRECTORY/NAME, by whatever way somebody came there.
pub fn board_path(place: &Place) -> Result<PathBuf> {
    let directory = fs::canonicalize(&place.directory)
        .map_err(|error| Error::io(&error, "find the directory", &place.directory))?;
    Ok(directory.join(&place.name))
}

/// A durable file that was opened, and whose head is right.
#[derive(Debug)]
pub struct Opened {
    file: OwnFile,
    status: FileStat,
    path: PathBuf,
    pub head: Head,
    form: Form,
}

impl Opened {
    /// `None` when there is none.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>> {
        match open_trusted(path, access) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok((file, status)) => Self::of(path, OwnFile::new(file), status).map(Some),
        }
    }

    /// The same, once nobody else writes it; for as long as this lives.
    fn lock(path: &Path) -> Result<Option<Self>> {
        loop {
            let (file, status) = match open_trusted(path, Access::Write) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            let file = OwnFile::new(file);
            lock_exclusively(&file, path)?;
            // It may have been replaced or removed before it was locked.
            if names(path, &status) {
                return Self::of(path, file, status).map(Some);
            }
        }
    }

    fn of(path: &Path, file: OwnFile, status: FileStat) -> Result<Self> {
        let size = u64::try_from(status.st_size).unwrap_or(0);
        let (head, form) = Head::read(&file, size, path)?;
        Ok(Self {
            file,
            status,
            path: path.to_owned(),
            head,
            form,
        })
    }

    pub fn places(&self) -> Places<'_, File> {
        Places {
            disk: &self.file,
            form: &self.form,
            path: &self.path,
        }
    }

    /// Refuses the file of a board in another directory.
    fn check_board(&self, board: &Path) -> Result<()> {
        if self.head.board == board {
            return Ok(());
        }
        let message = format!(
            "{} is of the board {}, not of {}; remove it, or name another directory in PEGEL_DURABLE_DIR",
            self.path.display(),
            self.head.board.display(),
            board.display()
        );
        Err(Error::new(ErrorKind::Untrusted, message))
    }

    /// Refuses the file of a board that was here before.
    fn check_lineage(&self, head: &Head) -> Result<()> {
        if self.head.lineage == head.lineage {
            return Ok(());
        }
        let (file, board) = (self.path.display(), self.head.board.display());
        let message = format!(
            "{file} is of another board that was {board}: `pegel load {file} --replace` takes its record, \
             and removing it lets that go"
        );
        Err(Error::new(ErrorKind::Untrusted, message))
    }
}

/// A board as its durable file shall have it.
#[derive(Debug)]
pub struct Lasting<'a> {
    place: &'a Place,
    head: Head,
    past: Past,
    /// Of the board's file: the other one belongs to the same.
    owner: FileStat,
}

impl<'a> Lasting<'a> {
    /// That of a board, and what is to be kept of it.
    pub fn of(board: &'a Board, past: Past) -> Result<Self> {
        let mode = board.status.st_mode & 0o7777;
        let Board {
            place,
            schema,
            layout,
            status,
            ..
        } = board;
        Self::new(place, schema, layout, mode, past, *status)
    }

    /// That of a board which is about to be made.
    pub fn new(
        place: &'a Place,
        schema: &Schema,
        layout: &Layout,
        mode: u32,
        past: Past,
        owner: FileStat,
    ) -> Result<Self> {
        let head = Head {
            board: board_path(place)?,
            lineage: past.lineage,
            schema: schema.clone(),
            layout: *layout,
            mode,
        };
        Ok(Self {
            place,
            head,
            past,
            owner,
        })
    }

    /// Puts the record into the file, which is made if it is not there, and made anew if the board is another one now;
    /// says which sequence is on the disk. `flushed` is what this said last.
    pub fn sync(&self, flushed: Option<u64>) -> Result<u64> {
        match self.prepare()? {
            None => Ok(self.past.sequence),
            Some(file) => file
                .places()
                .sync(&lasting(&self.past), flushed, || settle(&file.path)),
        }
    }

    /// The locked file, if it is there and right; else it is made, with the record.
    pub fn prepare(&self) -> Result<Option<Opened>> {
        let Some(file) = Opened::lock(&path(self.place))? else {
            self.make()?;
            return Ok(None);
        };
        file.check_board(&self.head.board)?;
        file.check_lineage(&self.head)?;
        if file.head.bytes() == self.head.bytes() {
            return Ok(Some(file));
        }
        let kept = file.places().newest()?;
        if kept.sequence > self.past.sequence {
            let (file, board) = (file.path.display(), self.head.board.display());
            let message = format!(
                "{file} has sequence {}, and the board {board} only {}: it is an older one that somebody put \
                 there; `pegel load {file} --replace` takes the newer record",
                kept.sequence, self.past.sequence
            );
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        self.make()?;
        Ok(None)
    }

    /// Makes the file, whatever stands there of this board: a damaged one, or one of another lineage.
    pub fn supersede(&self) -> Result<()> {
        let file = match Opened::lock(&path(self.place)) {
            Err(error) if error.kind() == ErrorKind::Corrupt => None,
            opened => opened?,
        };
        if let Some(file) = &file {
            file.check_board(&self.head.board)?;
        }
        self.make()
    }

    /// Whole or not at all: so there is a record in it from its first moment on.
    fn make(&self) -> Result<()> {
        let path = path(self.place);
        let directory = self.directory()?;
        let (form, bytes) = (self.head.form(), self.head.bytes());
        let mode = writers_only(self.head.mode);
        let draft = Draft::new(&directory, mode, form.file_size())?;
        draft.write(0, &bytes, &path)?;
        draft.write(form.offset, &form.place(&lasting(&self.past)), &path)?;
        draft.give_to(&self.owner);
        draft.sync(&path)?;
        draft.replace(&path, &next(&path))?;
        settle(&path)
    }

    fn directory(&self) -> Result<PathBuf> {
        let (name, directory) = (&self.place.name, super::directory());
        let refuse = |kind, what: &str| {
            let message = format!(
                "board {name} cannot be durable: {} {what}",
                directory.display()
            );
            Err(Error::new(kind, message))
        };
        match fs::canonicalize(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => refuse(
                ErrorKind::NotFound,
                "is not there; make it (`install -d -g GROUP -m 2770`), or name another directory in \
                 PEGEL_DURABLE_DIR",
            ),
            Ok(found) if Some(&*found) == self.head.board.parent() => refuse(
                ErrorKind::InvalidArgument,
                "has the boards themselves; name another directory in PEGEL_DURABLE_DIR",
            ),
            _ => Ok(directory),
        }
    }
}

/// Returns when the name of the file is on the disk.
fn settle(path: &Path) -> Result<()> {
    sync_directory(path)
        .map_err(|error| Error::io(&error, "write to the disk the directory of", path))
}

/// The segment of a board that is to come back from its durable file; `None` if it has none. What is of another board
/// is an error only for one who wants this board to be durable.
pub fn restored(place: &Place, is_wanted: bool) -> Result<Option<Draft>> {
    let file = match Opened::lock(&path(place)) {
        // Not everybody may look there, and most boards have nothing to do with it.
        Err(error) if error.kind() == ErrorKind::Denied && !is_wanted => None,
        opened => opened?,
    };
    let (Some(file), Ok(board)) = (file, board_path(place)) else {
        return Ok(None);
    };
    if let Err(error) = file.check_board(&board) {
        return if is_wanted { Err(error) } else { Ok(None) };
    }
    let past = file.places().newest()?;
    let Head {
        schema,
        layout,
        mode,
        ..
    } = &file.head;
    let draft = Board::draft(place, schema, layout, *mode, &past)?;
    draft.give_to(&file.status);
    Ok(Some(draft))
}

/// Removes a board's durable file; `false` if there is none. The board is that which is removed with it, if one is
/// there: when it is not durable, only what is certainly its own goes.
pub fn remove(place: &Place, board: Option<&Board>) -> Result<bool> {
    let path = path(place);
    let is_durable = board.map(|board| board.layout.durable);
    let opened = match Opened::lock(&path) {
        Ok(None) => return Ok(false),
        Err(error) => match (error.kind(), is_durable) {
            (ErrorKind::Denied, None | Some(false)) | (ErrorKind::Corrupt, Some(false)) => {
                return Ok(false);
            }
            (ErrorKind::Corrupt, _) => None,
            _ => return Err(error),
        },
        opened => opened?,
    };
    if let Some(file) = &opened
        && board_path(place)? != file.head.board
    {
        return Ok(false);
    }
    // Left by one who died while making it anew.
    segment::remove(&next(&path))?;
    let is_removed = segment::remove(&path)?;
    settle(&path)?;
    Ok(is_removed)
}

/// Reads a copy of a durable file, wherever it is.
pub fn read_copy(path: &Path) -> Result<Saved> {
    let file = Opened::open(path, Access::ReadUntrusted)?.ok_or_else(|| missing(path))?;
    let past = file.places().newest()?;
    let Head {
        schema,
        layout,
        mode,
        ..
    } = file.head;
    Ok(Saved {
        schema,
        past,
        slots: layout.slot_count,
        durable: true,
        checksum: layout.checksums,
        mode,
    })
}

pub fn missing(path: &Path) -> Error {
    let path = path.display();
    let message =
        format!("there is no durable file {path}; whoever creates the board next makes it");
    Error::new(ErrorKind::NotFound, message)
}
