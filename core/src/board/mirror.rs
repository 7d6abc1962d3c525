//! Mirrors: boards that show records of another machine with their sequences, generations and ages.
//! A bridge passes the records one by one, and the mirror shows the newest.
//!
//! The ring advances by one sequence at a time, as the proof for its readers needs that. So a
//! mirror that missed records begins a new segment, as a board that is replaced does: its readers
//! find the old one gone, and open the new one, which never had the missed records.

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
use crate::schema::nesting;
use crate::schema::types::Type;
use crate::segment::mode::DEFAULT_MODE;
use crate::segment::path::BoardPath;
use crate::segment::random;
use crate::segment::seed::{RawRecord, Seed};
use crate::segment::stamp::Publication;
use crate::segment::trust::Access;

/// What is known of a publication on another machine besides its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The lineage of its board: [`crate::dynamic::Reader::lineage`].
    pub lineage: u64,
    /// The sequence, from 1.
    pub sequence: u64,
    /// The generation; 0 for defaults, which no writer published.
    pub generation: u64,
    /// The current age in nanoseconds; `None` if it is unstamped.
    pub age_ns: Option<i64>,
}

/// Writes a board that mirrors one of another machine. No other writer can write it, even after
/// this one has ended.
#[derive(Debug)]
pub struct Mirror {
    place: BoardPath,
    options: Options,
    writer: Option<Writer>,
    /// The lineage of a board whose sequences went back, and the lineage that the mirror has
    /// instead.
    alias: Option<(u64, u64)>,
}

impl Mirror {
    /// Uses slots, mode and timeout of the options. The board is not created yet.
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

    /// Shows a publication; `false` if it is shown already. `LOCKED` while the board has a writer,
    /// `INVALID_ARGUMENT` if it is not a mirror, or the record does not fit the schema.
    pub fn show<'a>(
        &mut self,
        schema: &Schema,
        origin: &Origin,
        record: impl Into<Payload<'a>>,
    ) -> Result<bool> {
        let record = record.into();
        self.check(schema, origin, record.bytes)?;
        let lock = match self.acquire(schema)? {
            Held::Writer(mut writer) => {
                let order = self.compare(&writer, origin, record);
                if order == Order::Same {
                    self.writer = Some(writer);
                    return Ok(false);
                }
                let shown = (order == Order::Next)
                    .then(|| writer.mirror(origin.age_ns.map(ago), origin.generation, record));
                match shown.transpose() {
                    Ok(Some(_)) => {
                        self.writer = Some(writer);
                        return Ok(true);
                    }
                    // The board was removed, and its lock file perhaps, too.
                    Err(error) if error.kind() == ErrorKind::Gone => {
                        drop(writer);
                        self.lock()?
                    }
                    Err(error) => return Err(error),
                    Ok(None) => {
                        if order == Order::Before {
                            // After a power failure, sequences that were not synced are used again.
                            // With the same lineage, readers would take new records for those they
                            // know.
                            self.alias = Some((origin.lineage, random()));
                        }
                        writer.into_lock()
                    }
                }
            }
            Held::Lock(lock) => lock,
        };
        self.writer = Some(self.begin(schema, origin, record, lock)?);
        Ok(true)
    }

    /// Ends this writer until the next record, as the other machine's board has no writer.
    pub fn release(&mut self) {
        self.writer = None;
    }

    /// Opens the mirror again, if it exists, as the other machine's board has a writer.
    pub fn resume(&mut self, schema: &Schema) -> Result<()> {
        if let Held::Writer(writer) = self.acquire(schema)? {
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
            return refuse(format!("a record must have {size} bytes (got {length})"));
        }
        if !(1..=MAX_SEQUENCE).contains(&origin.sequence) {
            return refuse(format!("invalid sequence {}", origin.sequence));
        }
        if schema.document() == Some(Type::Json) {
            nesting::check(record)?;
        }
        Ok(())
    }

    /// The writer, if a mirror with this schema exists; else the lock to create it.
    fn acquire(&mut self, schema: &Schema) -> Result<Held> {
        if let Some(writer) = self.writer.take() {
            return Ok(if *writer.reader().inner().schema == *schema {
                Held::Writer(writer)
            } else {
                Held::Lock(writer.into_lock())
            });
        }
        let lock = self.lock()?;
        match Board::open(self.place.clone(), Access::Write) {
            Ok(board) if board.layout.mirror && *board.schema == *schema => {
                let generation = board.generation();
                let writer = Writer::take(board, lock)?;
                writer.reader().inner().set_generation(generation);
                Ok(Held::Writer(writer))
            }
            // `begin` checks anything else.
            _ => Ok(Held::Lock(lock)),
        }
    }

    /// Compares a publication with the shown one.
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

    /// The lineage of the mirror for that of the origin.
    fn lineage(&self, origin: &Origin) -> u64 {
        match self.alias {
            Some((lineage, alias)) if lineage == origin.lineage => alias,
            _ => origin.lineage,
        }
    }

    fn lock(&self) -> Result<WriterLock> {
        // Checked before, as the lock must not disturb the writer of a board that is not a mirror.
        lifecycle::check_no_own(&self.place)?;
        let mode = match self.options.mode {
            0 => DEFAULT_MODE,
            mode => mode,
        };
        WriterLock::acquire(&self.place, mode, Some(self.options.timeout))
    }

    /// Creates a segment with this record alone.
    fn begin(
        &self,
        schema: &Schema,
        origin: &Origin,
        record: Payload,
        lock: WriterLock,
    ) -> Result<Writer> {
        let (moment, length) = (origin.age_ns.map(ago), record.bytes.len());
        let seed = Seed {
            sequence: origin.sequence,
            generation: origin.generation,
            lineage: self.lineage(origin),
            records: vec![RawRecord {
                stamp: Publication::words(moment, origin.generation, known(schema, record), length),
                bytes: record.bytes.to_owned(),
            }],
        };
        lifecycle::mirror(&self.place, schema, &self.options, seed)?;
        let board = Board::open(self.place.clone(), Access::Write)?;
        let writer = Writer::take(board, lock)?;
        writer.reader().inner().set_generation(origin.generation);
        Ok(writer)
    }
}

/// What a mirror holds of its board.
#[allow(clippy::large_enum_variant)] // there is one, and for a moment
enum Held {
    Writer(Writer),
    Lock(WriterLock),
}

/// How a publication follows another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Same,
    Next,
    Before,
    /// Later by more than one, or of another board.
    Apart,
}

/// The bits of the known optional fields, without undefined bits.
fn known(schema: &Schema, record: Payload) -> u64 {
    record.present & schema.presence_of(schema.fields().len())
}

/// The moment of an age in nanoseconds.
fn ago(age_ns: i64) -> Moment {
    let now = Moment::now();
    Moment {
        since_boot: now.since_boot.saturating_sub(age_ns.max(0)),
        ..now
    }
}
