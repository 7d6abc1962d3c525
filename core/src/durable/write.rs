//! Creating and writing durable files, for boards that exist or are being created.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;

use nix::sys::stat::FileStat;

use super::file::{Opened, board_path, not_found, path, sync_parent};
use super::for_disk;
use super::header::FileHeader;
use crate::board::Board;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::segment::layout::Layout;
use crate::segment::mode::{valid_mode, writers_only};
use crate::segment::path::BoardPath;
use crate::segment::seed::Seed;
use crate::segment::{self, Draft};

/// Writes the durable file of a board.
#[derive(Debug)]
pub struct DurableWriter<'a> {
    place: &'a BoardPath,
    header: FileHeader,
    seed: Seed,
    /// The status of the board's file, whose owner gets the durable file.
    owner: FileStat,
    /// The board, without its lock: other processes can replace or remove it at any time.
    unlocked: Option<&'a Board>,
}

/// A durable file without a name.
#[derive(Debug)]
pub struct Staged {
    draft: Draft,
    path: PathBuf,
    /// The file that it replaces, locked, so that no process syncs into that one.
    _before: Option<Opened>,
}

impl Staged {
    pub fn install(self) -> Result<()> {
        self.draft.replace(&self.path)?;
        sync_parent(&self.path)
    }
}

impl<'a> DurableWriter<'a> {
    /// For an existing board and its newest record. The caller must hold the lock.
    pub fn of(board: &'a Board, seed: Seed) -> Result<Self> {
        // Owner and permissions may have changed since it was opened.
        let status = board.segment.status(board.path())?;
        let Board {
            place,
            schema,
            layout,
            ..
        } = board;
        Self::new(place, schema, layout, status.st_mode, seed, status)
    }

    /// As `of`, without the lock.
    pub fn of_unlocked(board: &'a Board, seed: Seed) -> Result<Self> {
        let unlocked = Some(board);
        Ok(Self {
            unlocked,
            ..Self::of(board, seed)?
        })
    }

    /// For a board that is being created.
    pub fn new(
        place: &'a BoardPath,
        schema: &Schema,
        layout: &Layout,
        mode: u32,
        seed: Seed,
        owner: FileStat,
    ) -> Result<Self> {
        let header = FileHeader {
            board: board_path(place)?,
            lineage: seed.lineage,
            schema: schema.clone(),
            layout: *layout,
            // They may have been changed by hand to ones that no board can have.
            mode: valid_mode(mode),
        };
        Ok(Self {
            place,
            header,
            seed,
            owner,
            unlocked: None,
        })
    }

    /// Puts the record into the file, and returns the sequence that is on disk. The file is created
    /// if it does not exist, and replaced if the board's header has changed. `flushed` is what this
    /// returned before.
    pub fn sync(&self, flushed: Option<u64>) -> Result<u64> {
        let Some(file) = self.prepare()? else {
            return Ok(self.seed.sequence);
        };
        let slots = file.slots();
        let synced = slots.sync(&for_disk(&self.seed), flushed, || sync_parent(&file.path))?;
        let newest = match self.unlocked {
            None => self.seed.sequence,
            // Other processes may have published and synced since the record was read.
            Some(board) => board.head()?.sequence,
        };
        self.check_sequence(&file, synced, newest)?;
        Ok(synced)
    }

    /// The locked file, if it has the right header; else it is created with the record.
    pub fn prepare(&self) -> Result<Option<Opened>> {
        let file = self.lock()?;
        if file.as_ref().is_some_and(|file| self.is_header_of(file)) {
            return Ok(file);
        }
        self.stage_newer(file)?.install()?;
        Ok(None)
    }

    /// Only the holder of the board's lock stores another path of its directory: others may use
    /// another mount.
    fn is_header_of(&self, file: &Opened) -> bool {
        let mut header = self.header.clone();
        if self.unlocked.is_some() {
            header.board.clone_from(&file.header.board);
        }
        header.bytes() == file.header.bytes()
    }

    /// The file of a board that is being created. It may replace a file of this board that is
    /// damaged, or of another lineage.
    pub fn stage(&self, replaces: bool) -> Result<Staged> {
        if !replaces {
            return self.stage_newer(self.lock()?);
        }
        let file = match Opened::lock(&path(self.place)) {
            Err(error) if error.kind() == ErrorKind::Corrupt => None,
            opened => opened?,
        };
        if let Some(file) = &file {
            file.check_board(self.place)?;
        }
        self.stage_new(file)
    }

    /// The locked file of this board, if it exists.
    fn lock(&self) -> Result<Option<Opened>> {
        let path = path(self.place);
        let file = Opened::lock(&path)?;
        if let Some(board) = self.unlocked {
            // A process that removes or replaces the board locks the file, so its work is not
            // undone here.
            if !board.is_current() {
                return Err(board.gone());
            }
            if file.is_none() {
                return Err(not_found(&path));
            }
        }
        if let Some(file) = &file {
            file.check_board(self.place)?;
            file.check_lineage(&self.header)?;
        }
        Ok(file)
    }

    /// Stages a file that replaces another one, unless that has a newer record.
    fn stage_newer(&self, before: Option<Opened>) -> Result<Staged> {
        if let Some(file) = &before {
            self.check_sequence(file, file.slots().newest()?.sequence, self.seed.sequence)?;
        }
        self.stage_new(before)
    }

    fn check_sequence(&self, file: &Opened, kept: u64, newest: u64) -> Result<()> {
        if kept <= newest {
            return Ok(());
        }
        if let Some(board) = self.unlocked.filter(|board| !board.is_current()) {
            return Err(board.gone());
        }
        let (file, board) = (file.path.display(), self.header.board.display());
        let message = format!(
            "{file}: the file has sequence {kept}, but the board {board} only {newest}: an older \
             board was put in its place. Run `pegel load {file} --replace` to restore the newer \
             record."
        );
        Err(Error::new(ErrorKind::Untrusted, message))
    }

    /// Stages a file with the record, so that it has one as soon as it has a name.
    fn stage_new(&self, before: Option<Opened>) -> Result<Staged> {
        let path = path(self.place);
        let directory = self.directory()?;
        let (geometry, bytes) = (self.header.geometry(), self.header.bytes());
        let mode = writers_only(self.header.mode);
        let draft = Draft::new(&directory, mode, geometry.file_size())?;
        draft.write(0, &bytes, &path)?;
        draft.write(
            geometry.offset,
            &geometry.slot(&for_disk(&self.seed)),
            &path,
        )?;
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
                "does not exist. Create it (`install -d -g GROUP -m 2770`), or set \
                 PEGEL_DURABLE_DIR to another directory.",
            ),
            Ok(found) if Some(&*found) == self.header.board.parent() => refuse(
                ErrorKind::InvalidArgument,
                "has the boards themselves. Set PEGEL_DURABLE_DIR to another directory.",
            ),
            _ => Ok(directory),
        }
    }
}
