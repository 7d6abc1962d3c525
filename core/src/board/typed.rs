//! Boards of Rust's own structs: readers, writers and snapshots of a [`Record`].

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::board::condition::Condition;
use crate::board::options::Options;
use crate::dynamic;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::schema::codec::Payload;
use crate::schema::record::Record;
use crate::segment::stamp::{Publication, Stamp};

/// Records up to this size are read without allocation.
const MAX_ON_STACK: usize = 512;

/// The schema of a record.
pub fn schema<R: Record>() -> Result<Schema> {
    Schema::new(R::fields())?.describe(R::DESCRIPTION)
}

/// Reads the records of a board, which may have an earlier or a later version of their fields.
/// Threads may share a reader.
#[derive(Debug)]
pub struct Reader<R> {
    inner: dynamic::Reader,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Reader<R> {
    /// Opens a board by NAME or DIRECTORY/NAME. `INVALID_FIELDS` if its fields are not a version of
    /// the record's.
    pub fn open(board: &str) -> Result<Self> {
        Ok(Self::of(
            dynamic::Reader::open(board)?.view(&schema::<R>()?)?,
        ))
    }

    /// As [`Reader::open`], for a board whose writers this program does not trust; see
    /// [`dynamic::Reader::open_untrusted`].
    pub fn open_untrusted(board: &str) -> Result<Self> {
        Ok(Self::of(
            dynamic::Reader::open_untrusted(board)?.view(&schema::<R>()?)?,
        ))
    }

    fn of(inner: dynamic::Reader) -> Self {
        Self {
            inner,
            record: PhantomData,
        }
    }

    /// The same board with its fields by name, and information on it.
    pub fn dynamic(&self) -> &dynamic::Reader {
        &self.inner
    }

    /// The newest sequence, 0 while nothing has been published; `GONE` as for [`Reader::read`]. One
    /// load.
    pub fn sequence(&self) -> Result<u64> {
        self.inner.sequence()
    }

    /// Whether the board has a writer now. Asks the kernel.
    pub fn writer_alive(&self) -> Result<bool> {
        self.inner.writer_alive()
    }

    /// The newest record; else `EMPTY`, `GONE` or `BUSY`.
    pub fn read(&self) -> Result<Snapshot<R>> {
        read(&self.inner, |bytes| self.inner.copy_into(bytes))
    }

    /// The record of a sequence, if it is in the ring; else `OVERWRITTEN`.
    pub fn read_at(&self, sequence: u64) -> Result<Snapshot<R>> {
        read(&self.inner, |bytes| {
            self.inner.copy_at_into(sequence, bytes)
        })
    }

    /// The first record after a sequence that the ring still holds; its stamp has the number of
    /// those missed before. `EMPTY` if nothing was published after the sequence.
    pub fn read_after(&self, after: u64) -> Result<Snapshot<R>> {
        read(&self.inner, |bytes| {
            self.inner.copy_after_into(after, bytes)
        })
    }

    /// The newest records, oldest first: `count` of them, or as many as the ring holds.
    pub fn last(&self, count: usize) -> Result<Vec<Snapshot<R>>> {
        let last = self.inner.last(count)?;
        Ok(last.iter().map(Snapshot::of).collect())
    }

    /// Waits for a publication after the given one and returns its sequence. `None` waits for ever.
    pub fn wait(&self, after: u64, timeout: Option<Duration>) -> Result<u64> {
        self.inner.wait(after, timeout)
    }

    /// An iterator over the publications, as [`dynamic::Reader::follow`].
    pub fn follow(
        self,
        set: impl FnOnce(dynamic::Follow) -> dynamic::Follow,
    ) -> impl Iterator<Item = Result<Snapshot<R>>> {
        let snapshots = set(self.inner.follow());
        snapshots.map(|snapshot| snapshot.map(|snapshot| Snapshot::of(&snapshot)))
    }
}

fn read<R: Record>(
    reader: &dynamic::Reader,
    copy: impl Fn(&mut [u8]) -> Result<Publication>,
) -> Result<Snapshot<R>> {
    let decode = |bytes: &mut [u8]| {
        let stamp = reader.stamp(&copy(bytes)?)?;
        let record = R::decode(bytes, stamp.present);
        Ok(Snapshot { record, stamp })
    };
    if R::SIZE <= MAX_ON_STACK {
        decode(&mut [0; MAX_ON_STACK][..R::SIZE])
    } else {
        decode(&mut vec![0; R::SIZE])
    }
}

/// Publishes records to a board and holds it until it is dropped, or its process ends in any way.
///
/// It belongs to the process that opened it: a child that gets it by fork cannot publish.
#[derive(Debug)]
pub struct Writer<R> {
    inner: dynamic::Writer,
    reader: PhantomData<fn(R)>,
    bytes: Vec<u8>,
}

impl<R: Record> Writer<R> {
    /// Creates a board, or takes over one that has a version of the record's fields, with its
    /// records. `LOCKED` if it has a writer.
    pub fn create(board: &str, options: &Options) -> Result<Self> {
        let schema = schema::<R>()?;
        Self::of(dynamic::Writer::create(board, &schema, options)?, &schema)
    }

    /// Takes an existing board, and waits until its writer releases it; `None` waits for ever.
    /// `LOCKED` if it was not released in time.
    pub fn open(board: &str, timeout: Option<Duration>) -> Result<Self> {
        Self::of(dynamic::Writer::open(board, timeout)?, &schema::<R>()?)
    }

    fn of(inner: dynamic::Writer, schema: &Schema) -> Result<Self> {
        Ok(Self {
            inner: inner.view(schema)?,
            reader: PhantomData,
            bytes: vec![0; R::SIZE],
        })
    }

    /// The same board with its fields by name.
    pub fn dynamic(&mut self) -> &mut dynamic::Writer {
        &mut self.inner
    }

    /// The newest record.
    pub fn read(&self) -> Result<Snapshot<R>> {
        let reader = self.inner.reader();
        read(reader, |bytes| reader.copy_into(bytes))
    }

    /// Publishes a record, without checking limits, and returns its sequence.
    pub fn publish(&mut self, record: &R) -> Result<u64> {
        self.publish_on(Condition::Always, record)
    }

    /// Publishes if `expected` is still the newest sequence (0: nothing published yet); else
    /// `CONFLICT`.
    pub fn publish_if(&mut self, expected: u64, record: &R) -> Result<u64> {
        self.publish_on(Condition::Newest(expected), record)
    }

    /// Publishes on a condition.
    pub fn publish_on(&mut self, condition: Condition, record: &R) -> Result<u64> {
        let present = record.encode(&mut self.bytes);
        let payload = Payload::new(&self.bytes, present);
        self.inner.publish_on(condition, payload)
    }

    /// Puts the newest record into the board's durable file, as [`dynamic::Writer::sync`], and
    /// returns its sequence.
    pub fn sync(&mut self) -> Result<u64> {
        self.inner.sync()
    }

    /// Reads, changes and publishes the newest record, while no other writer can. Fields of a later
    /// version, which this program does not know, keep their values.
    pub fn update(&mut self, change: impl FnOnce(&mut R)) -> Result<u64> {
        let Snapshot { mut record, .. } = self.read()?;
        change(&mut record);
        let present = record.encode(&mut self.bytes);
        self.inner.publish_merged(&self.bytes, present)
    }
}

/// A record, to which it dereferences, and its stamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot<R> {
    record: R,
    stamp: Stamp,
}

impl<R: Record> Snapshot<R> {
    /// Decodes a dynamic snapshot of the record's own schema.
    fn of(snapshot: &dynamic::Snapshot) -> Self {
        let stamp = *snapshot.stamp();
        let record = R::decode(snapshot.bytes(), stamp.present);
        Self { record, stamp }
    }
}

impl<R> Snapshot<R> {
    /// What is known of the publication.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The record alone.
    pub fn into_record(self) -> R {
        self.record
    }
}

impl<R> Deref for Snapshot<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

/// Serializes as the record.
impl<R: Serialize> Serialize for Snapshot<R> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        self.record.serialize(out)
    }
}

impl dynamic::Snapshot {
    /// Decodes a JSON document.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.bytes()).map_err(|error| {
            let sequence = self.stamp().sequence;
            let message = format!("the document of sequence {sequence} has another form: {error}");
            Error::new(ErrorKind::Corrupt, message)
        })
    }
}

impl dynamic::Writer {
    /// Publishes a value as a JSON document.
    pub fn publish_json<T: Serialize + ?Sized>(&mut self, document: &T) -> Result<u64> {
        let text = serde_json::to_vec(document).map_err(|error| {
            let board = self.reader().board();
            let message = format!("board {board}: the value cannot be JSON: {error}");
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        self.publish(&text)
    }
}

/// Serializes as a map of the fields.
impl Serialize for dynamic::Snapshot {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        out.collect_map(self.values())
    }
}
