//! Versions of a schema: a later one appends fields, so the common ones have the same offsets in
//! both. The others get their defaults, or are unknown. `docs/evolution.md` has the rules.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::schema::codec::Encoded;
use crate::schema::field::Field;

/// Converts records from one version of a schema to another, earlier or later one.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The size of the common fields in bytes.
    common_size: usize,
    /// The bits of the common optional fields.
    common_present: u64,
    /// The other fields of the target schema.
    rest: Encoded,
    /// Whether records are documents, which are not converted.
    is_document: bool,
}

impl Conversion {
    /// `INVALID_FIELDS` if the schemas are not versions of one, or if the target has further
    /// fields, of which one is neither optional nor has a default.
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
                "records lack {names}. Make each new field optional, or give it a default."
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

    /// How many bytes of a record the conversion uses.
    pub fn common_size(&self) -> usize {
        self.common_size
    }

    /// Completes a record that has the common part, as far as the buffer is large enough.
    pub fn complete(&self, record: &mut [u8]) {
        let size = record.len().min(self.rest.bytes.len());
        if size > self.common_size {
            record[self.common_size..size]
                .copy_from_slice(&self.rest.bytes[self.common_size..size]);
        }
    }

    /// The known optional fields of the converted record.
    pub fn present(&self, present: u64) -> u64 {
        present & self.common_present | self.rest.present & !self.common_present
    }

    /// Replaces the common part of a record of the target schema.
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
