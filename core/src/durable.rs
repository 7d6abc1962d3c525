//! Durable boards. A board is memory, and its durable file is what comes back of it after a reboot: the newest record of
//! those that were synced. Readers and writers have nothing to do with the file; [`crate::dynamic::Writer::sync`], or a
//! keeper with [`crate::dynamic::Reader::sync`], puts the newest record there.
//!
//! `docs/durable.md` tells what it promises, `docs/format.md` its bytes.

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
    Owner, Wish, is_there, leftovers, missing, path as path_for, read_copy, removal,
    remove_leftovers, restored,
};
pub(crate) use self::header::MAGIC;
pub(crate) use self::write::{DurableWriter, Staged};

/// Of a handle that has not synced yet.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// Where durable files live: `$PEGEL_DURABLE_DIR`, else `/var/lib/pegel`.
pub fn directory() -> PathBuf {
    let wanted = env::var_os("PEGEL_DURABLE_DIR").filter(|path| !path.is_empty());
    wanted.map_or_else(|| "/var/lib/pegel".into(), PathBuf::from)
}

/// What a durable file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// DIRECTORY/NAME of its board.
    pub board: PathBuf,
    /// The file.
    pub file: PathBuf,
    /// The sequence that is on the disk, 0 when nothing had been published.
    pub sequence: u64,
    /// What is known of that publication.
    pub stamp: Option<Stamp>,
    /// As that of the board: sequences of the two can be compared while it is the same.
    pub lineage: u64,
}

impl State {
    /// What a file holds, wherever it is.
    pub fn read(file: &Path) -> Result<Self> {
        let opened = file::Opened::open(file, Access::ReadUntrusted)?;
        Self::of(opened.ok_or_else(|| file::missing(file))?)
    }

    /// Whether the board is in this directory, by whatever path.
    pub fn is_in(&self, directory: &Path) -> bool {
        let id = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        };
        let named = self.board.parent().and_then(id);
        named.is_some() && named == id(directory)
    }

    fn of(opened: file::Opened) -> Result<Self> {
        // Without the lock, two syncs may pass by a first look.
        let places = opened.places();
        let newest = places.newest_stamp().or_else(|_| places.newest_stamp())?;
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

/// What is on the disk of the board at a place, which need not be there; `None` if it has no durable file.
pub(crate) fn look_at(place: &BoardPath) -> Result<Option<State>> {
    Ok(look_with_owner(place)?.map(|(state, _)| state))
}

/// Whether a board of this very directory has a durable file.
pub(crate) fn is_kept(place: &BoardPath) -> Result<bool> {
    Ok(look_with_owner(place)?.is_some_and(|(_, owner)| owner == Owner::This))
}

fn look_with_owner(place: &BoardPath) -> Result<Option<(State, Owner)>> {
    let Some(opened) = file::Opened::open(&file::path(place), Access::Read)? else {
        return Ok(None);
    };
    match opened.owner(place) {
        Owner::Other => Ok(None),
        owner => Ok(Some((State::of(opened)?, owner))),
    }
}

/// The durable files, sorted, and what they hold.
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

/// The newest record of a past, as it is kept: without its checksum in the ring, and with the wall clock as it is now,
/// which may have been set since.
fn lasting(past: &Seed) -> Seed {
    let newest = past.records.last().map(|kept| {
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
        ..*past
    }
}
