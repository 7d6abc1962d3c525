//! Mirrors: boards that show what is published elsewhere, as it was published there: whole records, with their
//! sequences, generations and ages. However the records travel, a mirror is told them one by one, and shows the newest.
//!
//! The ring goes on by one sequence at a time, as its readers' proof needs that. So a mirror that has missed some begins
//! a new segment, as a board that is replaced does: its readers find the old one gone and open the new one, in which
//! the missed records never were.

use crate::board::Board;
use crate::board::lifecycle;
use crate::board::options::Options;
use crate::board::writer::Writer;
use crate::board::writer_lock::WriterLock;
use crate::clock::Moment;
use crate::error::{Error, ErrorKind, Result};
use crate::ring::MAX_SEQUENCE;
use crate::schema::Schema;
use crate::schema::codec::Payload;
use crate::schema::field::Type;
use crate::schema::nesting;
use crate::segment::mode::DEFAULT_MODE;
use crate::segment::path::BoardPath;
use crate::segment::random;
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::stamp::Publication;
use crate::segment::trust::Access;

/// Of a publication that was made elsewhere, what is known beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Of its board: [`crate::dynamic::Reader::lineage`].
    pub lineage: u64,
    /// From 1.
    pub sequence: u64,
    /// 0 for defaults, which nobody published.
    pub generation: u64,
    /// How old it is now, in nanoseconds; `None` if its writer leaves that out.
    pub age_ns: Option<i64>,
}

/// Writes a board that mirrors one of another machine. Nobody else can write it, also when this one has ended.
#[derive(Debug)]
pub struct Mirror {
    place: BoardPath,
    options: Options,
    writer: Option<Writer>,
    /// A lineage elsewhere whose sequences went back, and the one that stands for it since.
    alias: Option<(u64, u64)>,
}

impl Mirror {
    /// Of the options, slots, mode and timeout count. Nothing is made yet.
    pub fn new(board: &str, options: &Options) -> Result<Self> {
        Ok(Self {
            place: BoardPath::parse(board)?,
            options: Options {
                slots: options.slots,
                mode: options.mode,
                timeout: options.timeout,
                ..Options::default()
            },
            writer: None,
            alias: None,
        })
    }

    /// Shows a publication, if it is not the one that is shown already; says whether it was not. `LOCKED` while the
    /// board has a writer, `INVALID_ARGUMENT` if it is no mirror, or the record none of that schema.
    pub fn show<'a>(
        &mut self,
        schema: &Schema,
        origin: &Origin,
        record: impl Into<Payload<'a>>,
    ) -> Result<bool> {
        let record = record.into();
        self.check(schema, origin, record.bytes)?;
        let turn = match self.resume(schema)? {
            Taken::Writer(mut writer) => {
                let place = self.compare(&writer, origin, record);
                if place == Order::Same {
                    self.writer = Some(writer);
                    return Ok(false);
                }
                let shown = (place == Order::Next)
                    .then(|| writer.mirror(origin.age_ns.map(ago), origin.generation, record));
                match shown.transpose() {
                    Ok(Some(_)) => {
                        self.writer = Some(writer);
                        return Ok(true);
                    }
                    // Somebody has removed the board, and its lock maybe.
                    Err(error) if error.kind() == ErrorKind::Gone => {
                        drop(writer);
                        self.turn()?
                    }
                    Err(error) => return Err(error),
                    Ok(None) => {
                        if place == Order::Before {
                            // After a power failure, sequences that were not synced are given anew: readers could
                            // not tell those from the ones they know.
                            self.alias = Some((origin.lineage, random()));
                        }
                        writer.into_lock()
                    }
                }
            }
            Taken::WriterLock(turn) => turn,
        };
        self.writer = Some(self.begin(schema, origin, record, turn)?);
        Ok(true)
    }

    /// The writer of the board elsewhere has gone, so this one goes too, until there is something new.
    pub fn rest(&mut self) {
        self.writer = None;
    }

    /// The writer of the board elsewhere is back, so this one is too, if the board is there.
    pub fn wake(&mut self, schema: &Schema) -> Result<()> {
        if let Taken::Writer(writer) = self.resume(schema)? {
            self.writer = Some(writer);
        }
        Ok(())
    }

    fn check(&self, schema: &Schema, origin: &Origin, record: &[u8]) -> Result<()> {
        let (size, length) = (schema.record_size(), record.len());
        let refuse = |reason: String| {
            let message = format!("board {}: {reason}", self.place.name);
            Err(Error::new(ErrorKind::InvalidArgument, message))
        };
        if length > size || (length < size && schema.document().is_none()) {
            return refuse(format!("a record has {size} bytes, not {length}"));
        }
        if !(1..=MAX_SEQUENCE).contains(&origin.sequence) {
            return refuse(format!("{} is no sequence", origin.sequence));
        }
        if schema.document() == Some(Type::Json) {
            nesting::check(record)?;
        }
        Ok(())
    }

    /// The writer, if the board is there as the schema says; else the turn to make it.
    fn resume(&mut self, schema: &Schema) -> Result<Taken> {
        if let Some(writer) = self.writer.take() {
            return Ok(if *writer.reader().inner().schema == *schema {
                Taken::Writer(writer)
            } else {
                Taken::WriterLock(writer.into_lock())
            });
        }
        let turn = self.turn()?;
        match Board::open(self.place.clone(), Access::Write) {
            Ok(board) if board.layout.mirror && *board.schema == *schema => {
                let generation = board.generation();
                let writer = Writer::take(board, turn)?;
                writer.reader().inner().set_generation(generation);
                Ok(Taken::Writer(writer))
            }
            // Whatever else stands there, `begin` looks at.
            _ => Ok(Taken::WriterLock(turn)),
        }
    }

    /// Where a publication stands to what is shown.
    fn compare(&self, writer: &Writer, origin: &Origin, record: Payload) -> Order {
        let board = writer.reader().inner();
        let Ok(newest) = writer.reader().sequence() else {
            return Order::Apart;
        };
        if board.lineage != self.lineage(origin) {
            return Order::Apart;
        }
        let shown = (newest == origin.sequence).then(|| board.record(newest));
        let is_shown = shown.flatten().is_some_and(|shown| {
            Publication::generation_of(&shown.stamp) == origin.generation
                && Publication::present_of(&shown.stamp) == known(&board.schema, record)
                && shown.bytes == record.bytes
        });
        match origin.sequence {
            _ if is_shown => Order::Same,
            sequence if sequence <= newest => Order::Before,
            sequence if sequence == newest + 1 => Order::Next,
            _ => Order::Apart,
        }
    }

    /// The lineage that the board has for that of the origin.
    fn lineage(&self, origin: &Origin) -> u64 {
        match self.alias {
            Some((lineage, alias)) if lineage == origin.lineage => alias,
            _ => origin.lineage,
        }
    }

    fn turn(&self) -> Result<WriterLock> {
        // Before, as who writes a board of this machine's own must not find it taken, not even for a moment.
        lifecycle::check_no_own(&self.place)?;
        let mode = match self.options.mode {
            0 => DEFAULT_MODE,
            mode => mode,
        };
        WriterLock::wait(&self.place, mode, Some(self.options.timeout))
    }

    /// A new segment with this record alone.
    fn begin(
        &self,
        schema: &Schema,
        origin: &Origin,
        record: Payload,
        turn: WriterLock,
    ) -> Result<Writer> {
        let (moment, length) = (origin.age_ns.map(ago), record.bytes.len());
        let past = Seed {
            sequence: origin.sequence,
            generation: origin.generation,
            lineage: self.lineage(origin),
            records: vec![RawRecord {
                stamp: Publication::words(moment, origin.generation, known(schema, record), length),
                bytes: record.bytes.to_owned(),
            }],
        };
        lifecycle::mirror(&self.place, schema, &self.options, past)?;
        let board = Board::open(self.place.clone(), Access::Write)?;
        let writer = Writer::take(board, turn)?;
        writer.reader().inner().set_generation(origin.generation);
        Ok(writer)
    }
}

/// What a mirror has got of its board.
#[allow(clippy::large_enum_variant)] // there is one, and for a moment
enum Taken {
    Writer(Writer),
    WriterLock(WriterLock),
}

/// Where a publication stands to another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Same,
    Next,
    Before,
    /// Later by more than one, or of another board.
    Apart,
}

/// Which optional fields are known; the bits of others mean nothing.
fn known(schema: &Schema, record: Payload) -> u64 {
    record.present & schema.presence_of(schema.fields().len())
}

/// The moment that is so many nanoseconds ago.
fn ago(age_ns: i64) -> Moment {
    let now = Moment::now();
    Moment {
        since_boot: now.since_boot.saturating_sub(age_ns.max(0)),
        ..now
    }
}
