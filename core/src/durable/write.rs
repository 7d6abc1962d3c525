//! Durable files as they are made, and written: for a board that is about to be made, or is there.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;

use nix::sys::stat::FileStat;

use super::file::{Opened, board_path, missing, path, sync_parent};
use super::header::FileHeader;
use super::lasting;
use crate::board::Board;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::segment::layout::Layout;
use crate::segment::mode::{valid_mode, writers_only};
use crate::segment::path::BoardPath;
use crate::segment::seed::Seed;
use crate::segment::{self, Draft};

/// A board as its durable file shall have it.
#[derive(Debug)]
pub struct DurableWriter<'a> {
    place: &'a BoardPath,
    header: FileHeader,
    past: Seed,
    /// Of the board's file: the other one belongs to the same.
    owner: FileStat,
    /// The board, for one whose turn it is not: others may replace or remove it at any time.
    seen: Option<&'a Board>,
}

/// A durable file that waits for its name.
#[derive(Debug)]
pub struct Staged {
    draft: Draft,
    path: PathBuf,
    /// Locked until then: nobody syncs into what is about to go.
    _before: Option<Opened>,
}

impl Staged {
    pub fn install(self) -> Result<()> {
        self.draft.replace(&self.path)?;
        sync_parent(&self.path)
    }
}

impl<'a> DurableWriter<'a> {
    /// That of a board, and what is to be kept of it, for one whose turn it is.
    pub fn of(board: &'a Board, past: Seed) -> Result<Self> {
        // Its owner and permissions may be others since it was opened.
        let status = board.segment.status(board.path())?;
        let Board {
            place,
            schema,
            layout,
            ..
        } = board;
        Self::new(place, schema, layout, status.st_mode, past, status)
    }

    /// The same, for one whose turn it is not.
    pub fn seen(board: &'a Board, past: Seed) -> Result<Self> {
        let seen = Some(board);
        Ok(Self {
            seen,
            ..Self::of(board, past)?
        })
    }

    /// That of a board which is about to be made.
    pub fn new(
        place: &'a BoardPath,
        schema: &Schema,
        layout: &Layout,
        mode: u32,
        past: Seed,
        owner: FileStat,
    ) -> Result<Self> {
        let header = FileHeader {
            board: board_path(place)?,
            lineage: past.lineage,
            schema: schema.clone(),
            layout: *layout,
            // They can be changed by hand to such as no board is made with, and none would come back with.
            mode: valid_mode(mode),
        };
        Ok(Self {
            place,
            header,
            past,
            owner,
            seen: None,
        })
    }

    /// Puts the record into the file, which is made if it is not there, and made anew if the board is another one now;
    /// says which sequence is on the disk. `flushed` is what this said last.
    pub fn sync(&self, flushed: Option<u64>) -> Result<u64> {
        let Some(file) = self.prepare()? else {
            return Ok(self.past.sequence);
        };
        let places = file.places();
        let synced = places.sync(&lasting(&self.past), flushed, || sync_parent(&file.path))?;
        let newest = match self.seen {
            None => self.past.sequence,
            // Others may have published and synced since it was read.
            Some(board) => board.head()?.sequence,
        };
        self.check_sequence(&file, synced, newest)?;
        Ok(synced)
    }

    /// The locked file, if it is there and right; else it is made, with the record.
    pub fn prepare(&self) -> Result<Option<Opened>> {
        let file = self.lock()?;
        if file.as_ref().is_some_and(|file| self.is_header_of(file)) {
            return Ok(file);
        }
        self.draft(file)?.install()?;
        Ok(None)
    }

    /// Only the holder of the board's lock notes another path of its directory: others may see it
    /// through another mount.
    fn is_header_of(&self, file: &Opened) -> bool {
        let mut header = self.header.clone();
        if self.seen.is_some() {
            header.board.clone_from(&file.header.board);
        }
        header.bytes() == file.header.bytes()
    }

    /// The file of a board that is about to be made. It may supersede whatever stands there of this board: a damaged
    /// file, or one of another lineage.
    pub fn ready(&self, supersedes: bool) -> Result<Staged> {
        if !supersedes {
            return self.draft(self.lock()?);
        }
        let file = match Opened::lock(&path(self.place)) {
            Err(error) if error.kind() == ErrorKind::Corrupt => None,
            opened => opened?,
        };
        if let Some(file) = &file {
            file.check_board(self.place)?;
        }
        self.make(file)
    }

    /// The locked file of this very board, if there is one.
    fn lock(&self) -> Result<Option<Opened>> {
        let path = path(self.place);
        let file = Opened::lock(&path)?;
        if let Some(board) = self.seen {
            // Who removes or replaces it has the file locked meanwhile. What he did shall not be undone.
            if !board.is_current() {
                return Err(board.gone());
            }
            if file.is_none() {
                return Err(missing(&path));
            }
        }
        if let Some(file) = &file {
            file.check_board(self.place)?;
            file.check_lineage(&self.header)?;
        }
        Ok(file)
    }

    /// What replaces a file, unless that has more than the board.
    fn draft(&self, before: Option<Opened>) -> Result<Staged> {
        if let Some(file) = &before {
            self.check_sequence(file, file.places().newest()?.sequence, self.past.sequence)?;
        }
        self.make(before)
    }

    fn check_sequence(&self, file: &Opened, kept: u64, newest: u64) -> Result<()> {
        if kept <= newest {
            return Ok(());
        }
        if let Some(board) = self.seen.filter(|board| !board.is_current()) {
            return Err(board.gone());
        }
        let (file, board) = (file.path.display(), self.header.board.display());
        let message = format!(
            "{file}: the file has sequence {kept}, the board {board} only {newest}: an older board was put in \
             its place. Run `pegel load {file} --replace` to restore the newer record."
        );
        Err(Error::new(ErrorKind::Untrusted, message))
    }

    /// Whole or not at all: so there is a record in it from its first moment on.
    fn make(&self, before: Option<Opened>) -> Result<Staged> {
        let path = path(self.place);
        let directory = self.directory()?;
        let (form, bytes) = (self.header.form(), self.header.bytes());
        let mode = writers_only(self.header.mode);
        let draft = Draft::new(&directory, mode, form.file_size())?;
        draft.write(0, &bytes, &path)?;
        draft.write(form.offset, &form.place(&lasting(&self.past)), &path)?;
        draft.give_to(&self.owner);
        draft.sync(&path)?;
        segment::check_removable(&path)?;
        Ok(Staged {
            draft,
            path,
            _before: before,
        })
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
            Ok(found) if Some(&*found) == self.header.board.parent() => refuse(
                ErrorKind::InvalidArgument,
                "has the boards themselves; name another directory in PEGEL_DURABLE_DIR",
            ),
            _ => Ok(directory),
        }
    }
}
