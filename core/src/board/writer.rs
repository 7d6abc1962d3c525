//! The writer of a board: how it takes, holds and syncs the board. One writer at a time.

use std::time::Duration;

use crate::board::Board;
use crate::board::lifecycle;
use crate::board::options::Options;
use crate::board::reader::Reader;
use crate::board::revalidation::{self, NEVER};
use crate::board::writer_lock::WriterLock;
use crate::clock::{self, Moment};
use crate::durable::DurableWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::Ring;
use crate::schema::Schema;
use crate::schema::codec::Payload;
use crate::schema::evolution::Conversion;
use crate::schema::types::Type;
use crate::segment::Mapping;
use crate::segment::lock::{ForkGuard, ForkSafeFile, Lock, try_lock};
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, is_same, open_trusted};

/// Publishes to a board and holds it until it is dropped, or its process ends in any way.
///
/// It belongs to the process that opened it: a child that gets it by fork cannot publish.
#[derive(Debug)]
pub struct Writer {
    pub(super) reader: Reader,
    /// The board's memory.
    pub(super) memory: Mapping,
    lock: WriterLock,
    _liveness_lock: ForkSafeFile,
    /// For publications that change no stamp.
    pub(super) fork_guard: ForkGuard,
    pub(super) generation: u64,
    /// The newest sequence, as no other writer publishes: loading the head would take its cache
    /// line from the readers.
    pub(super) newest: u64,
    /// Nanoseconds since boot of this writer's last publication that read the clock.
    pub(super) last: Option<i64>,
    /// Nanoseconds since boot of the last revalidation, which also reads the wall clock.
    pub(super) revalidated: i64,
    pub(super) wall_offset: i64,
    /// The bits of the board's optional fields.
    pub(super) optional: u64,
    /// From the records of the schema that the program was made for, if the board has another.
    pub(super) conversion: Option<Conversion>,
    /// Whether publications have a time.
    pub(super) stamps: bool,
    /// Whether their stamps have checksums.
    pub(super) checksums: bool,
    /// Whether the nesting of each document is checked.
    pub(super) is_json: bool,
    /// How many of the newest publications have a stamp without a time.
    pub(super) unstamped: u64,
    /// The newest sequence when the clock was last read.
    pub(super) clocked: u64,
}

impl Writer {
    /// Creates a board, or takes over one that has the same schema; its records stay. So they do
    /// when one schema is the other with fields appended that may be missing: a board that has
    /// fewer is replaced by one that has them all, and one that has more stays as it is.
    ///
    /// `LOCKED` when another writer holds it for too long. Another schema is `INVALID_FIELDS`,
    /// unless the options say to replace the board: its readers then find it gone and open the new
    /// one, whose sequences go on.
    pub fn create(board: &str, schema: &Schema, options: &Options) -> Result<Self> {
        let (board, lock) = lifecycle::create(&BoardPath::parse(board)?, schema, options)?;
        let mut writer = Self::take(board, lock)?;
        // Publishing a document reads the clock in any case, and a checksum is in the stamp.
        writer.stamps = !options.unstamped || schema.document().is_some() || writer.checksums;
        Ok(writer)
    }

    /// Takes an existing board, and waits until its writer releases it; `None` waits for ever.
    /// `LOCKED` when it was not released in time. An absent board is restored from its durable
    /// file, if it has one.
    pub fn open(board: &str, timeout: Option<Duration>) -> Result<Self> {
        let place = BoardPath::parse(board)?;
        // A program without a board, or without the right to write it, needs no lock.
        let open = || Board::open(place.clone(), Access::Write);
        let seen = match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !lifecycle::restore_durable(&place, timeout)? {
                    return Err(error);
                }
                open()?
            }
            seen => seen?,
        };
        seen.check_own()?;
        let lock = WriterLock::acquire(&place, seen.status.st_mode, timeout)?;
        let board = open()?;
        board.check_own()?;
        Self::take(board, lock)
    }

    pub(crate) fn take(board: Board, mut lock: WriterLock) -> Result<Self> {
        let fork_guard = ForkGuard::new(board.path())?;
        board.segment.reserve(board.path())?;
        lock.retain(&board.status)?;
        let liveness_lock = Self::liveness_lock(&board)?;
        if board.ring().head().gone {
            board.ring().unmark_gone();
        }
        let generation = board.generation().wrapping_add(1);
        board.set_generation(generation);
        let optional = board.schema.presence_of(board.schema.fields().len());
        let memory = board.ring().0.clone();
        let checksums = board.layout.checksums;
        let is_json = board.schema.document() == Some(Type::Json);
        Ok(Self {
            newest: Ring(&memory).head().sequence,
            memory,
            reader: Reader::of_writer(board),
            lock,
            _liveness_lock: liveness_lock,
            fork_guard,
            generation,
            last: None,
            revalidated: NEVER,
            wall_offset: 0,
            optional,
            conversion: None,
            stamps: true,
            checksums,
            is_json,
            unstamped: 0,
            clocked: 0,
        })
    }

    /// A lock on the board, by which readers find out whether the writer lives. Anyone who can read
    /// the board can hold one, too, so this lock excludes no other process.
    fn liveness_lock(board: &Board) -> Result<ForkSafeFile> {
        let (file, status) = open_trusted(board.path(), Access::Read)?;
        if !is_same(&status, &board.status) {
            return Err(board.gone());
        }
        let file = ForkSafeFile::new(file);
        try_lock(&file, Lock::Shared, board.path())?;
        Ok(file)
    }

    /// Reads the same board.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Puts the newest record into the board's durable file, and returns its sequence: the record
    /// is then on disk, and is restored after a reboot. `INVALID_ARGUMENT` if the board is not
    /// durable.
    pub fn sync(&mut self) -> Result<u64> {
        self.check_process()?;
        let board = self.reader.inner();
        board.check_durable()?;
        let newest = (self.newest > board.base).then(|| board.record(self.newest));
        let newest = newest.map(|record| record.ok_or_else(|| self.damaged()));
        let seed = board.seed_of(self.newest, newest.transpose()?);
        self.reader.sync_to(&DurableWriter::of(board, seed)?)
    }

    #[cold]
    fn damaged(&self) -> Error {
        let (named, newest) = (self.reader.named(), self.newest);
        let message = format!(
            "{named}: another program overwrote sequence {newest} in memory. Publish it again."
        );
        Error::new(ErrorKind::Corrupt, message)
    }

    /// The same writer, for a program that lays out records by a schema of its own, of which the
    /// board may have a later version: its bytes are completed with the board's defaults.
    pub fn view(mut self, schema: &Schema) -> Result<Self> {
        self.reader = self.reader.view(schema)?;
        let board = &self.reader.inner().schema;
        let (has, wants) = (board.fields().len(), schema.fields().len());
        if has < wants {
            let message = format!(
                "board {}: {}. Create it with this program, which adds the fields.",
                self.reader.board(),
                board.difference(schema).unwrap_or_default()
            );
            return Err(Error::new(ErrorKind::InvalidFields, message));
        }
        // A grant is for bytes as the board has them.
        self.fork_guard.renew(0);
        if has > wants {
            self.conversion = Some(Conversion::new(schema, board)?);
        }
        Ok(self)
    }

    pub(super) fn check_process(&mut self) -> Result<()> {
        if !self.fork_guard.is_child() {
            return Ok(());
        }
        let message = format!(
            "board {}: this process got its writer by fork, and the parent still has it. Open the \
             board in the child.",
            self.reader.board()
        );
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }

    /// Publishes the next record of the board that this one mirrors.
    pub(crate) fn mirror(
        &mut self,
        moment: Option<Moment>,
        generation: u64,
        record: Payload,
    ) -> Result<u64> {
        self.check(record.bytes)?;
        self.generation = generation;
        self.reader.inner().set_generation(generation);
        let now = clock::since_boot();
        if revalidation::is_due(self.revalidated, now) {
            self.revalidate(now)?;
        }
        let sequence = self.newest + 1;
        self.put_as(
            sequence,
            record.bytes,
            record.present & self.optional,
            moment,
        );
        self.announce(now);
        Ok(sequence)
    }

    /// Ends as a writer, but keeps the writer lock.
    pub(crate) fn into_lock(self) -> WriterLock {
        self.lock
    }

    /// Checks that the board and the writer lock still exist.
    #[cold]
    pub(super) fn revalidate(&mut self, now: i64) -> Result<()> {
        let board = self.reader.inner();
        if !board.is_current() {
            // If it was removed by hand, no other process marks it for its readers.
            board.ring().mark_gone();
            board.wake();
            return Err(board.gone());
        }
        if !self.lock.is_current() {
            return Err(self.without_lock());
        }
        self.wall_offset = clock::wall_offset();
        self.revalidated = now;
        Ok(())
    }

    #[cold]
    fn without_lock(&self) -> Error {
        let (name, lock) = (self.reader.board(), self.lock.path().display());
        let message = format!(
            "board {name}: its lock file {lock} was removed. Close the writer and open it again."
        );
        Error::new(ErrorKind::Gone, message)
    }

    #[cold]
    pub(super) fn used_up(&self) -> Error {
        let name = self.reader.board();
        let message =
            format!("board {name}: its sequences are used up. Remove it and create it again.");
        Error::new(ErrorKind::Corrupt, message)
    }
}
