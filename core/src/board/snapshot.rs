//! What a read returns: a record with its stamp.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::schema::codec::{Encoded, Payload};
use crate::schema::value::Value;
use crate::segment::stamp::Stamp;

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

    /// A copy of the record, to change and publish.
    pub fn encoded(&self) -> Encoded {
        Encoded {
            bytes: self.record.clone(),
            present: self.stamp.present,
        }
    }

    fn payload(&self) -> Payload<'_> {
        Payload::new(&self.record, self.stamp.present)
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Result<Value> {
        let index = self.schema.index(name)?;
        let value = self.schema.decode_field(index, self.payload());
        value.ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                format!("the record is too short for field {name}"),
            )
        })
    }

    /// All fields and their values, in their order.
    pub fn values(&self) -> Vec<(&str, Value)> {
        self.schema.decode(self.payload())
    }
}
