//! Publishing, from the fastest way to the one that checks everything.

use crate::board::condition::Condition;
use crate::board::revalidation::{self, INTERVAL_NS};
use crate::board::writer::Writer;
use crate::clock::{self, Moment};
use crate::error::{Error, ErrorKind, Result};
use crate::ring::wake_policy::must_wake;
use crate::ring::{MAX_SEQUENCE, Ring};
use crate::schema::codec::{Encoded, Payload};
use crate::schema::nesting;
use crate::segment::checksum;
use crate::segment::stamp::Publication;

/// How many publications an unstamped writer makes before it reads the clock again.
const UNSTAMPED_BUDGET: i64 = 255;

impl Writer {
    /// As [`Writer::publish`], but `None`, with nothing published, for all that needs a second
    /// look: [`Writer::publish`] then publishes, or returns the error. The fastest way to publish.
    #[inline]
    pub fn publish_fast(&mut self, record: &[u8]) -> Option<u64> {
        if !self.fork_guard.use_up() {
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
        let is_plain = self.stamps && self.conversion.is_none() && !self.is_json;
        if !is_plain || record.len() != board.layout.record_size || self.fork_guard.is_child() {
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

    /// As [`Writer::publish_fast`], without stamps and for boards with records of 64 bytes: in a
    /// few dozen instructions, and with no cache lines of the board but those of the head and the
    /// record.
    #[inline]
    pub fn try_publish_block(&mut self, record: &[u8; 64]) -> Option<u64> {
        if !self.fork_guard.use_up() {
            return None;
        }
        let sequence = self.newest + 1;
        let is_done = Ring(&self.memory).publish_block(sequence, record);
        is_done.then(|| {
            self.newest = sequence;
            sequence
        })
    }

    /// Publishes a record, which has exactly the size of its schema, or a document, which has at
    /// most that size. Returns the sequence.
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
        condition.check(&self.reader)?;
        match &self.conversion {
            None => self.commit(bytes, present),
            Some(conversion) => {
                let whole = conversion.convert(bytes, present);
                self.commit(&whole.bytes, whole.present)
            }
        }
    }

    /// Publishes a record, with the newest one's fields where the program's schema has none.
    pub(crate) fn publish_merged(&mut self, record: &[u8], present: u64) -> Result<u64> {
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

    pub(super) fn check(&mut self, record: &[u8]) -> Result<()> {
        self.check_process()?;
        let (name, schema) = (self.reader.board(), self.reader.schema());
        let (given, size) = (record.len(), schema.record_size());
        if given > size {
            let message =
                format!("board {name}: a record must have at most {size} bytes (got {given})");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if given < size && schema.document().is_none() {
            let message = format!("board {name}: a record must have {size} bytes (got {given})");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if self.is_json {
            nesting::check(record)
        } else {
            Ok(())
        }
    }

    fn commit(&mut self, record: &[u8], present: u64) -> Result<u64> {
        // After a failure, each publication is checked until the next grant.
        self.fork_guard.renew(0);
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
            self.grant_unstamped(sequence, known == self.optional, before);
            self.clocked = sequence;
        }
        Ok(sequence)
    }

    /// Publishes, once all is checked.
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
    pub(super) fn put_as(
        &mut self,
        sequence: u64,
        record: &[u8],
        known: u64,
        moment: Option<Moment>,
    ) {
        let mut stamp = Publication::words(moment, self.generation, known, record.len());
        if self.checksums {
            checksum::seal(sequence, &mut stamp, record);
        }
        Ring(&self.memory).publish(sequence, &stamp, record);
        self.newest = sequence;
    }

    #[inline]
    pub(super) fn announce(&mut self, now: i64) {
        if must_wake(self.last, now) {
            self.memory.wake();
        }
        self.last = Some(now);
    }

    /// After an unstamped publication: lets more of them follow without a check, if every slot has
    /// its stamp already, and if they come so often that the next revalidation will not be late.
    fn grant_unstamped(&mut self, sequence: u64, is_complete: bool, before: Option<i64>) {
        self.unstamped = if is_complete { self.unstamped + 1 } else { 0 };
        let board = self.reader.inner();
        let since = sequence
            .saturating_sub(self.clocked)
            .min(UNSTAMPED_BUDGET.unsigned_abs() + 1)
            .cast_signed();
        let is_granted = before.is_some_and(|time| time < INTERVAL_NS / UNSTAMPED_BUDGET * since)
            && self.unstamped >= u64::from(board.layout.slot_count)
            && sequence < MAX_SEQUENCE - UNSTAMPED_BUDGET.unsigned_abs()
            && self.conversion.is_none();
        self.fork_guard
            .renew(if is_granted { UNSTAMPED_BUDGET } else { 0 });
    }
}
