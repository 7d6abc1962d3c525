//! How schemas grow: a later version appends fields to those of the earlier one, so what the two have
//! in common stands at the same place in both. The rest gets its default, or is unknown.
//!
//! `docs/evolution.md` tells the rules to those who change a schema.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::schema::codec::Encoded;
use crate::schema::field::Field;

/// From the records of one schema to those of another, of which one begins with the other.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// Bytes that both have.
    common_size: usize,
    /// The bits of the optional fields that both have.
    common_present: u64,
    /// What the other has beyond that.
    rest: Encoded,
    /// Documents stay what they are.
    is_document: bool,
}

impl Conversion {
    /// `INVALID_FIELDS` if the schemas are no versions of one, or if the other has more fields and one
    /// of them can neither be unknown nor has a default.
    pub fn new(from: &Schema, to: &Schema) -> Result<Self> {
        let refuse = |message: String| Error::new(ErrorKind::InvalidFields, message);
        let Some(common) = from.common(to) else {
            return Err(refuse(from.difference(to).unwrap_or_default()));
        };
        let more = to.fields()[common..].iter();
        let lacking: Vec<_> = more.filter(|field| !field.may_be_missing()).collect();
        if !lacking.is_empty() {
            let names: Vec<_> = lacking.iter().map(|field| &*field.name).collect();
            let names = names.join(", ");
            return Err(refuse(format!(
                "records without {names} are of no use: make it optional or give it a default"
            )));
        }
        let end = |field: &Field| field.offset as usize + field.bytes_len();
        Ok(Self {
            common_size: to.fields()[..common].last().map_or(0, end),
            common_present: to.presence_of(common),
            rest: to.template(),
            is_document: to.document().is_some(),
        })
    }

    /// Bytes of a record that the conversion takes over; the rest of it does not matter.
    pub fn common_size(&self) -> usize {
        self.common_size
    }

    /// Completes a record of which the common part is there. A buffer that is too short for the rest
    /// gets as much as fits.
    pub fn complete(&self, record: &mut [u8]) {
        let size = record.len().min(self.rest.bytes.len());
        if size > self.common_size {
            record[self.common_size..size]
                .copy_from_slice(&self.rest.bytes[self.common_size..size]);
        }
    }

    /// Which optional fields of the converted record are known.
    pub fn present(&self, present: u64) -> u64 {
        present & self.common_present | self.rest.present & !self.common_present
    }

    /// A record of the other schema with its common part replaced.
    pub fn merge(&self, whole: &mut Encoded, record: &[u8], present: u64) {
        let common = self.common_size.min(record.len()).min(whole.bytes.len());
        whole.bytes[..common].copy_from_slice(&record[..common]);
        whole.present = present & self.common_present | whole.present & !self.common_present;
    }

    /// The converted record.
    pub fn convert(&self, record: &[u8], present: u64) -> Encoded {
        if self.is_document {
            return Encoded {
                bytes: record.to_vec(),
                present,
            };
        }
        let mut bytes = self.rest.bytes.clone();
        let common = self.common_size.min(record.len());
        bytes[..common].copy_from_slice(&record[..common]);
        Encoded {
            bytes,
            present: self.present(present),
        }
    }
}
