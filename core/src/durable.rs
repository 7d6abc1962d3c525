//! Durable boards: boards whose newest synced record is restored from a durable file after a
//! reboot. [`crate::dynamic::Writer::sync`], or a keeper with [`crate::dynamic::Reader::sync`],
//! puts the newest record into the file; reading and publishing do not use it.
//!
//! `docs/durable.md` has the guarantees, `docs/format.md` the format.

#[cfg(test)]
mod crash_tests;
mod file;
mod header;
mod slots;
mod write;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::clock;
use crate::error::{Error, Result};
use crate::segment::path::BoardPath;
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::stamp::{Publication, Stamp};
use crate::segment::trust::Access;

pub use crate::board::durability::restore;

pub(crate) use self::file::{
    Caller, Owner, exists, leftovers, not_found, path as path_for, prepare_removal, read_copy,
    remove_leftovers, restore_segment,
};
pub(crate) use self::header::MAGIC;
pub(crate) use self::write::{DurableWriter, Staged};

/// The synced sequence of a handle that has not synced yet.
pub(crate) const NEVER_SYNCED: u64 = u64::MAX;

/// The directory of durable files: `$PEGEL_DURABLE_DIR`, else `/var/lib/pegel`.
pub fn directory() -> PathBuf {
    let wanted = env::var_os("PEGEL_DURABLE_DIR").filter(|path| !path.is_empty());
    wanted.map_or_else(|| "/var/lib/pegel".into(), PathBuf::from)
}

/// The contents of a durable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// DIRECTORY/NAME of its board.
    pub board: PathBuf,
    /// The durable file.
    pub file: PathBuf,
    /// The sequence that is on disk, 0 if nothing had been published.
    pub sequence: u64,
    /// The stamp of that record.
    pub stamp: Option<Stamp>,
    /// The lineage: sequences of the file and of a board with the same lineage can be compared.
    pub lineage: u64,
}

impl State {
    /// Reads a durable file, in any directory.
    pub fn read(file: &Path) -> Result<Self> {
        let opened = file::Opened::open(file, Access::ReadUntrusted)?;
        Self::of(opened.ok_or_else(|| file::not_found(file))?)
    }

    /// Whether the board is in this directory, which may have several paths.
    pub fn is_in(&self, directory: &Path) -> bool {
        let id = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        };
        let named = self.board.parent().and_then(id);
        named.is_some() && named == id(directory)
    }

    fn of(opened: file::Opened) -> Result<Self> {
        // Without the lock, two syncs can finish during the first attempt.
        let slots = opened.slots();
        let newest = slots.newest_stamp().or_else(|_| slots.newest_stamp())?;
        let stamp = newest.1.map(|stamp| {
            let publication = Publication {
                sequence: newest.0,
                retries: 0,
                missed: 0,
                stamp: Publication::restored(stamp),
            };
            publication.stamp(clock::since_boot())
        });
        Ok(Self {
            sequence: stamp.map_or(0, |stamp| stamp.sequence),
            stamp,
            lineage: opened.header.lineage,
            board: opened.header.board,
            file: opened.path,
        })
    }
}

/// The durable file of a board, which itself may be absent; `None` if it has none.
pub(crate) fn state_of(place: &BoardPath) -> Result<Option<State>> {
    Ok(state_and_owner(place)?.map(|(state, _)| state))
}

/// Whether a board of this directory has a durable file.
pub(crate) fn has_file(place: &BoardPath) -> Result<bool> {
    Ok(state_and_owner(place)?.is_some_and(|(_, owner)| owner == Owner::This))
}

fn state_and_owner(place: &BoardPath) -> Result<Option<(State, Owner)>> {
    let Some(opened) = file::Opened::open(&file::path(place), Access::Read)? else {
        return Ok(None);
    };
    match opened.owner(place) {
        Owner::Other => Ok(None),
        owner => Ok(Some((State::of(opened)?, owner))),
    }
}

/// The durable files, sorted, and their contents.
pub fn list() -> Result<Vec<(PathBuf, Result<State>)>> {
    let directory = directory();
    let failed = |error: std::io::Error| Error::io(&error, "list the durable files in", &directory);
    let mut files = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if file::is_name(&path) {
            files.push(path);
        }
    }
    files.sort();
    let look = |path: PathBuf| {
        let opened = file::Opened::open(&path, Access::Read).transpose()?;
        Some((path, opened.and_then(State::of)))
    };
    Ok(files.into_iter().filter_map(look).collect())
}

/// The newest record of a seed for the durable file: without its checksum in the ring, and with the
/// current offset to wall time, as the wall clock may have been set since.
fn for_disk(seed: &Seed) -> Seed {
    let newest = seed.records.last().map(|kept| {
        let present = Publication::present_of(&kept.stamp);
        let mut stamp = Publication::reshaped(&kept.stamp, present, kept.bytes.len());
        let moment = Publication::moment_of(&stamp);
        if moment.is_some_and(|moment| moment.is_of_this_boot(clock::since_boot())) {
            stamp[1] = clock::wall_offset().cast_unsigned();
        }
        RawRecord {
            stamp,
            bytes: kept.bytes.clone(),
        }
    });
    Seed {
        records: Vec::from_iter(newest),
        ..*seed
    }
}
