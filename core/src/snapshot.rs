//! What a read gives: a record, and what is known of its publication.

use std::sync::Arc;

use crate::clock::Moment;
use crate::error::{Error, ErrorKind, Result};
use crate::ring;
use crate::schema::Schema;
use crate::value::Value;

/// What is known of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The publication's number, from 1.
    pub sequence: u64,
    /// How many writers had taken the board by then.
    pub generation: u64,
    /// When it was published, in nanoseconds of Unix time, worked out when it was read.
    pub published_ns: i64,
    /// How old it was when it was read, in nanoseconds; time in suspend counts.
    pub age_ns: i64,
    /// Bytes of the record; a document's length.
    pub record_size: usize,
    /// How often the writer lapped this read.
    pub retries: u32,
}

/// A publication that was copied; [`Publication::stamp`] looks at the clock.
#[derive(Clone, Copy, Debug)]
pub struct Publication {
    pub(crate) sequence: u64,
    pub(crate) retries: u32,
    pub(crate) stamp: ring::Stamp,
}

impl Publication {
    /// The words of a stamp: the writer's side of [`Publication::stamp`].
    #[allow(clippy::cast_sign_loss)] // bits in, bits out
    pub(crate) fn words(moment: Moment, generation: u64, length: usize) -> ring::Stamp {
        [
            moment.since_boot as u64,
            moment.wall_offset as u64,
            moment.boot,
            generation,
            length as u64,
        ]
    }

    #[allow(clippy::cast_possible_wrap)] // bits in, bits out
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            since_boot: self.stamp[0] as i64,
            wall_offset: self.stamp[1] as i64,
            boot: self.stamp[2],
        }
    }

    /// All that is known of it, as of now.
    pub fn stamp(&self) -> Stamp {
        let (age_ns, published_ns) = self.moment().age_and_wall();
        Stamp {
            sequence: self.sequence,
            generation: self.stamp[3],
            published_ns,
            age_ns,
            record_size: self.len(),
            retries: self.retries,
        }
    }

    /// Bytes of the record.
    pub fn len(&self) -> usize {
        ring::length(&self.stamp)
    }

    /// Whether it is an empty document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A record and its stamp.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    pub(crate) stamp: Stamp,
    pub(crate) record: Vec<u8>,
}

impl Snapshot {
    /// What is known of the publication.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The record's bytes, as published.
    pub fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Result<Value> {
        let field = self.schema.field(name)?;
        let value = self.schema.decode_field(field, &self.record);
        value.ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("no bytes of field {name}")))
    }

    /// All fields and their values, in their order.
    pub fn values(&self) -> Vec<(&str, Value)> {
        self.schema.decode(&self.record)
    }
}
