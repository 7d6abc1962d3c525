//! Syncing a board to its durable file, and restoring it from there.

use std::time::Duration;

use crate::board::Board;
use crate::board::lifecycle;
use crate::board::reader::Reader;
use crate::durable::{self, DurableWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::segment::path::BoardPath;
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::trust::{self, Access};

/// How long a caller that only restores waits for a writer, which restores the board itself.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Restores an absent board from its durable file, with the sequence, generation and age of its
/// record; `false` if the board exists, or has no durable file. `LOCKED` while it has a writer all
/// the same.
pub fn restore(board: &str) -> Result<bool> {
    let place = BoardPath::parse(board)?;
    match Board::open(place.clone(), Access::ReadUnmapped) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            lifecycle::restore_durable(&place, Some(LOCK_TIMEOUT))
        }
        opened => opened.map(|_| false),
    }
}

impl Reader {
    /// Puts the newest record into the board's durable file, and returns its sequence: the record
    /// is then on disk. For a keeper, or any program that may write that file. `NOT_FOUND` if it
    /// does not exist: only a writer creates it.
    pub fn sync(&self) -> Result<u64> {
        let board = self.inner();
        if self.has_view() {
            return Self::at(board.place.clone(), board.access)?.sync();
        }
        board.check_durable()?;
        // Not even root puts another user's board among the durable files.
        trust::check(board.path(), &board.status, Access::Write)?;
        let path = durable::path_for(&board.place);
        if !durable::exists(&path) {
            return Err(durable::not_found(&path));
        }
        let newest = match self.whole(|record| self.copy_into(record)) {
            Ok((publication, bytes)) => Some((publication.sequence, publication.stamp, bytes)),
            Err(error) if error.kind() == ErrorKind::Empty => None,
            Err(error) => return Err(error),
        };
        let seed = match newest {
            None => board.seed_of(board.base, None),
            Some((sequence, stamp, bytes)) => {
                board.seed_of(sequence, Some(RawRecord { stamp, bytes }))
            }
        };
        self.sync_to(&DurableWriter::of_unlocked(board, seed)?)
    }

    /// What this board's durable file has; `None` if there is none.
    pub fn durable_state(&self) -> Result<Option<durable::State>> {
        let board = self.inner();
        if board.layout.durable {
            durable::state_of(&board.place)
        } else {
            Ok(None)
        }
    }

    /// Syncs the record that the caller has read.
    pub(crate) fn sync_to(&self, durable_file: &DurableWriter) -> Result<u64> {
        let board = self.inner();
        if !board.is_current() {
            return Err(board.gone());
        }
        let synced = durable_file
            .sync(Some(self.synced()).filter(|synced| *synced != durable::NEVER_SYNCED))?;
        self.set_synced(synced);
        Ok(synced)
    }
}

impl Board {
    /// `INVALID_ARGUMENT` for a board that is not durable.
    pub(crate) fn check_durable(&self) -> Result<()> {
        if self.layout.durable {
            return Ok(());
        }
        let (name, path) = (&self.place.name, self.path().display());
        let message = format!(
            "board {name} ({path}) is not durable. Create it with `durable`, which keeps its \
             records."
        );
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }

    /// The seed of a durable file, for a board whose newest record is this one.
    pub(crate) fn seed_of(&self, sequence: u64, newest: Option<RawRecord>) -> Seed {
        Seed {
            sequence,
            generation: self.generation(),
            lineage: self.lineage,
            records: Vec::from_iter(newest),
        }
    }
}
