//! Writing a board: taking it and publishing. One writer at a time.

use std::time::Duration;

use crate::board::Board;
use crate::board::lifecycle::{self, Options};
use crate::board::reader::Reader;
use crate::board::revalidation::{self, INTERVAL_NS, NEVER};
use crate::board::snapshot::Publication;
use crate::board::writer_lock::WriterLock;
use crate::clock::{self, Moment};
use crate::durable::DurableWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::wake_policy::has_to_wake;
use crate::ring::{MAX_SEQUENCE, Ring};
use crate::schema::Schema;
use crate::schema::codec::{Encoded, Payload};
use crate::schema::evolution::Conversion;
use crate::segment::Mapping;
use crate::segment::checksum;
use crate::segment::lock::{ForkGuard, ForkSafeFile, Lock, try_lock};
use crate::segment::path::BoardPath;
use crate::segment::trust::{Access, is_same, open_trusted};

/// How many publications a writer that leaves out the stamps makes without looking at anything else.
const UNSTAMPED_BUDGET: i64 = 255;

/// Publishes to a board and holds it until it is dropped, or its process ends in any way.
///
/// It belongs to the process that opened it: a child that gets it by fork cannot publish.
#[derive(Debug)]
pub struct Writer {
    reader: Reader,
    /// The board's.
    memory: Mapping,
    turn: WriterLock,
    _sign: ForkSafeFile,
    /// For publications that change no stamp.
    licence: ForkGuard,
    generation: u64,
    /// The newest sequence, as nobody else publishes: to look at the head would take its cache line back from
    /// those who read.
    newest: u64,
    /// Nanoseconds since boot of this writer's last publication that looked at the clock.
    last: Option<i64>,
    /// Nanoseconds since boot of the last revalidation, which also reads the wall clock.
    revalidated: i64,
    wall_offset: i64,
    /// The bits of the board's optional fields.
    optional: u64,
    /// From the records of the schema that the program was made for, if the board has another.
    conversion: Option<Conversion>,
    /// Whether publications tell when they were made.
    stamps: bool,
    /// Whether their stamps carry checksums.
    checksums: bool,
    /// Of the newest publications, how many have left the stamp of one that tells nothing.
    unstamped: u64,
    /// The newest sequence when it last looked at the clock.
    looked: u64,
}

/// On which condition a record is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// If this is still the newest sequence (0: nothing published yet); else `CONFLICT`.
    Newest(u64),
    /// If the ring then still holds all publications after this one, up to which somebody has
    /// acknowledged them; else `FULL`.
    Acknowledged(u64),
}

impl Writer {
    /// Creates a board, or takes over one that has the same schema; its records stay. So they do when
    /// one schema is the other with fields appended that may be missing: a board that has fewer is
    /// replaced by one that has them all, and one that has more stays as it is.
    ///
    /// `LOCKED` when it has a writer that does not let go in time. Another schema is `INVALID_FIELDS`, unless the options say to
    /// replace the board: its readers then find it gone and open the new one, whose sequences go on.
    pub fn create(board: &str, schema: &Schema, options: &Options) -> Result<Self> {
        let (board, turn) = lifecycle::create(&BoardPath::parse(board)?, schema, options)?;
        let mut writer = Self::take(board, turn)?;
        // Publishing a document takes a look at the clock in any case, and a checksum is in the stamp.
        writer.stamps = !options.unstamped || schema.document().is_some() || writer.checksums;
        Ok(writer)
    }

    /// Takes an existing board, waiting for its writer to let go; `None` waits for ever. `LOCKED`
    /// when it did not in time. One that is absent comes back from its durable file, if it has one.
    pub fn open(board: &str, timeout: Option<Duration>) -> Result<Self> {
        let place = BoardPath::parse(board)?;
        // One without a board or without the right to write it needs no turn.
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
        let turn = WriterLock::wait(&place, seen.status.st_mode, timeout)?;
        let board = open()?;
        board.check_own()?;
        Self::take(board, turn)
    }

    pub(crate) fn take(board: Board, mut turn: WriterLock) -> Result<Self> {
        let licence = ForkGuard::new(board.path())?;
        board.segment.reserve(board.path())?;
        turn.keep(&board.status)?;
        let sign = Self::sign(&board)?;
        if board.ring().head().gone {
            board.ring().unmark_gone();
        }
        let generation = board.generation().wrapping_add(1);
        board.set_generation(generation);
        let optional = board.schema.presence_of(board.schema.fields().len());
        let memory = board.ring().0.clone();
        let checksums = board.layout.checksums;
        Ok(Self {
            newest: Ring(&memory).head().sequence,
            memory,
            reader: Reader::of_writer(board),
            turn,
            _sign: sign,
            licence,
            generation,
            last: None,
            revalidated: NEVER,
            wall_offset: 0,
            optional,
            conversion: None,
            stamps: true,
            checksums,
            unstamped: 0,
            looked: 0,
        })
    }

    /// What readers ask for when they want to know whether the writer lives: a lock on the board. Whoever
    /// may read it may hold one too, so it keeps nobody out.
    fn sign(board: &Board) -> Result<ForkSafeFile> {
        let (file, status) = open_trusted(board.path(), Access::Read)?;
        if !is_same(&status, &board.status) {
            return Err(board.gone());
        }
        let sign = ForkSafeFile::new(file);
        try_lock(&sign, Lock::Shared, board.path())?;
        Ok(sign)
    }

    /// Reads the same board.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Puts the newest record into the board's durable file, and says its sequence: when this returns, it is on the disk
    /// and comes back after a reboot. `INVALID_ARGUMENT` if the board is not durable.
    pub fn sync(&mut self) -> Result<u64> {
        self.check_process()?;
        let board = self.reader.inner();
        board.check_durable()?;
        let newest = (self.newest > board.base).then(|| board.record(self.newest));
        let newest = newest.map(|record| record.ok_or_else(|| self.spoilt()));
        let past = board.past_of(self.newest, newest.transpose()?);
        self.reader.sync_to(&DurableWriter::of(board, past)?)
    }

    #[cold]
    fn spoilt(&self) -> Error {
        let (named, newest) = (self.reader.named(), self.newest);
        let message = format!("{named}: somebody spoilt sequence {newest}; publish it again");
        Error::new(ErrorKind::Corrupt, message)
    }

    /// The same writer, for a program that lays out records by a schema of its own, of which the board
    /// may have a later version: its bytes are completed with the board's defaults.
    pub fn view(mut self, schema: &Schema) -> Result<Self> {
        self.reader = self.reader.view(schema)?;
        let board = &self.reader.inner().schema;
        let (has, wants) = (board.fields().len(), schema.fields().len());
        if has < wants {
            let message = format!(
                "board {}: {}; create it with this program once, and it grows",
                self.reader.board(),
                board.difference(schema).unwrap_or_default()
            );
            return Err(Error::new(ErrorKind::InvalidFields, message));
        }
        // What it allows is to publish bytes as the board has them.
        self.licence.renew(0);
        if has > wants {
            self.conversion = Some(Conversion::new(schema, board)?);
        }
        Ok(self)
    }

    /// Publishes a record with what the newest one has beyond the program's schema.
    pub(crate) fn publish_over(&mut self, record: &[u8], present: u64) -> Result<u64> {
        self.check(record)?;
        let board = self.reader.inner();
        let newest = board.record(board.ring().head().sequence);
        let (Some(conversion), Some(newest)) = (&self.conversion, newest) else {
            return self.publish(Payload::new(record, present));
        };
        let mut whole = Encoded {
            present: Publication::present_of(&newest.stamp),
            bytes: newest.bytes,
        };
        conversion.merge(&mut whole, record, present);
        self.commit(&whole.bytes, whole.present)
    }

    /// As [`Writer::publish`], and nothing but `None` for all that needs a second look: then nothing was
    /// published, and it is for [`Writer::publish`] to do it, or to say why not. The fastest way to publish.
    #[inline]
    pub fn publish_fast(&mut self, record: &[u8]) -> Option<u64> {
        if !self.licence.use_up() {
            return self.try_publish_stamped(record);
        }
        let sequence = self.newest + 1;
        let is_done = Ring(&self.memory).publish_payload(sequence, record);
        is_done.then(|| {
            self.newest = sequence;
            sequence
        })
    }

    fn try_publish_stamped(&mut self, record: &[u8]) -> Option<u64> {
        let board = self.reader.inner();
        let is_plain = self.stamps && self.conversion.is_none();
        if !is_plain || record.len() != board.layout.record_size || self.licence.is_child() {
            return None;
        }
        let now = clock::since_boot();
        let sequence = self.newest + 1;
        if revalidation::is_due(self.revalidated, now) || sequence > MAX_SEQUENCE {
            return None;
        }
        self.put(sequence, record, self.optional, now);
        Some(sequence)
    }

    /// As [`Writer::publish_fast`], without stamps and for boards with records of 64 bytes: in a few dozen
    /// instructions, and with no cache lines but those of the head and the record.
    #[inline]
    pub fn try_publish_block(&mut self, record: &[u8; 64]) -> Option<u64> {
        if !self.licence.use_up() {
            return None;
        }
        let sequence = self.newest + 1;
        let is_done = Ring(&self.memory).publish_block(sequence, record);
        is_done.then(|| {
            self.newest = sequence;
            sequence
        })
    }

    /// Publishes a record, which has exactly the size of its schema; or a document, which has at most
    /// that. Says its sequence.
    pub fn publish<'a>(&mut self, record: impl Into<Payload<'a>>) -> Result<u64> {
        self.publish_on(Condition::Always, record)
    }

    /// Publishes if `expected` is still the newest sequence (0: nothing published yet); else
    /// `CONFLICT`.
    pub fn publish_if<'a>(&mut self, expected: u64, record: impl Into<Payload<'a>>) -> Result<u64> {
        self.publish_on(Condition::Newest(expected), record)
    }

    /// Publishes on a condition.
    pub fn publish_on<'a>(
        &mut self,
        condition: Condition,
        record: impl Into<Payload<'a>>,
    ) -> Result<u64> {
        let Payload { bytes, present } = record.into();
        self.check(bytes)?;
        self.check_condition(condition)?;
        match &self.conversion {
            None => self.commit(bytes, present),
            Some(conversion) => {
                let whole = conversion.convert(bytes, present);
                self.commit(&whole.bytes, whole.present)
            }
        }
    }

    fn check_condition(&self, on: Condition) -> Result<()> {
        let name = self.reader.board();
        match on {
            Condition::Always => Ok(()),
            Condition::Newest(expected) => {
                let newest = self.reader.sequence()?;
                if newest == expected {
                    return Ok(());
                }
                let message = format!(
                    "board {name}: the newest sequence is {newest}, no longer {expected}; \
                     read it again and decide anew"
                );
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Condition::Acknowledged(sequence) => {
                // One slot is the writer's own, and its reader keeps away from that.
                let room = u64::from(self.reader.inner().layout.slot_count) - 1;
                let newest = self.reader.sequence()?;
                let Some(waiting) = newest.checked_sub(sequence) else {
                    let message = format!(
                        "board {name}: {sequence} cannot be acknowledged, as the newest sequence is \
                         {newest}; was the board removed without the one of its answers?"
                    );
                    return Err(Error::new(ErrorKind::InvalidArgument, message));
                };
                if waiting < room {
                    return Ok(());
                }
                let message = format!(
                    "board {name}: {waiting} publications wait to be acknowledged, and it keeps no \
                     more than {room}; wait, or see whether the one who acknowledges them still runs"
                );
                Err(Error::new(ErrorKind::Full, message))
            }
        }
    }

    fn check_process(&mut self) -> Result<()> {
        if !self.licence.is_child() {
            return Ok(());
        }
        let message = format!(
            "board {}: this process got its writer by fork, and the parent still has it; \
             open the board in the child",
            self.reader.board()
        );
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }

    fn check(&mut self, record: &[u8]) -> Result<()> {
        self.check_process()?;
        let (name, schema) = (self.reader.board(), self.reader.schema());
        let (given, size) = (record.len(), schema.record_size());
        if given > size {
            let message = format!("board {name}: the record has {given} bytes, the board {size}");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if given < size && schema.document().is_none() {
            let message = format!("board {name}: a record has {size} bytes, not {given}");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(())
    }

    fn commit(&mut self, record: &[u8], present: u64) -> Result<u64> {
        // After a failure, nothing is published without a look.
        self.licence.renew(0);
        let now = clock::since_boot();
        if revalidation::is_due(self.revalidated, now) {
            self.revalidate(now)?;
        }
        let sequence = self.newest + 1;
        if sequence > MAX_SEQUENCE {
            return Err(self.used_up());
        }
        let before = self.last.map(|last| now - last);
        let known = present & self.optional;
        self.put(sequence, record, known, now);
        if !self.stamps {
            self.run(sequence, known == self.optional, before);
            self.looked = sequence;
        }
        Ok(sequence)
    }

    /// Publishes what is the next one of the board that this one mirrors.
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

    /// Ends as a writer; its turn goes on.
    pub(crate) fn into_turn(self) -> WriterLock {
        self.turn
    }

    /// Publishes, once it is certain that nothing is in the way.
    #[inline]
    fn put(&mut self, sequence: u64, record: &[u8], known: u64, now: i64) {
        let moment = self.stamps.then(|| Moment {
            since_boot: now,
            wall_offset: self.wall_offset,
            boot: clock::boot(),
        });
        self.put_as(sequence, record, known, moment);
        self.announce(now);
    }

    #[inline]
    fn put_as(&mut self, sequence: u64, record: &[u8], known: u64, moment: Option<Moment>) {
        let mut stamp = Publication::words(moment, self.generation, known, record.len());
        if self.checksums {
            checksum::seal(sequence, &mut stamp, record);
        }
        Ring(&self.memory).publish(sequence, &stamp, record);
        self.newest = sequence;
    }

    #[inline]
    fn announce(&mut self, now: i64) {
        if has_to_wake(self.last, now) {
            self.memory.wake();
        }
        self.last = Some(now);
    }

    /// Checks that the board and the writer lock still exist.
    #[cold]
    fn revalidate(&mut self, now: i64) -> Result<()> {
        let board = self.reader.inner();
        let is_current = board.is_current();
        if !is_current {
            // Removed by hand, or replaced by one who took the turn so: nobody else may have told its readers.
            board.ring().mark_gone();
            board.wake();
        }
        if !is_current {
            return Err(board.gone());
        }
        if !self.turn.is_current() {
            return Err(self.without_lock());
        }
        self.wall_offset = clock::wall_offset();
        self.revalidated = now;
        Ok(())
    }

    #[cold]
    fn without_lock(&self) -> Error {
        let (name, lock) = (self.reader.board(), self.turn.path().display());
        let message = format!(
            "board {name}: its lock file {lock} was removed. Close the writer and open it again."
        );
        Error::new(ErrorKind::Gone, message)
    }

    #[cold]
    fn used_up(&self) -> Error {
        let name = self.reader.board();
        let message = format!("board {name}: its sequences are used up; remove and create it");
        Error::new(ErrorKind::Corrupt, message)
    }

    /// After a publication without a stamp: lets more of them follow at once, if every slot has its
    /// stamp already, and they come often enough that the next look at the files will not be late.
    fn run(&mut self, sequence: u64, is_complete: bool, before: Option<i64>) {
        self.unstamped = if is_complete { self.unstamped + 1 } else { 0 };
        let board = self.reader.inner();
        let since = sequence
            .saturating_sub(self.looked)
            .min(UNSTAMPED_BUDGET.unsigned_abs() + 1)
            .cast_signed();
        let may_run = before.is_some_and(|time| time < INTERVAL_NS / UNSTAMPED_BUDGET * since)
            && self.unstamped >= u64::from(board.layout.slot_count)
            && sequence < MAX_SEQUENCE - UNSTAMPED_BUDGET.unsigned_abs()
            && self.conversion.is_none();
        self.licence
            .renew(if may_run { UNSTAMPED_BUDGET } else { 0 });
    }
}
