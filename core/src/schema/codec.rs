//! Values by name, from and to the bytes of a record.

use crate::error::Result;
use crate::schema::Schema;
use crate::schema::element::{document, invalid, load_field, store_field};
use crate::schema::field::Field;
use crate::schema::value::Value;

/// The bytes of a record, or a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes, in the layout of the schema.
    pub bytes: Vec<u8>,
    /// The known optional fields: a bit for each, in their order.
    pub present: u64,
}

/// A record to publish: its bytes, and which optional fields are known. In bare bytes, all are
/// known.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) present: u64,
}

impl<'a> Payload<'a> {
    /// The bytes of a record with a bit for each optional field that is known, in their order.
    pub fn new(bytes: &'a [u8], present: u64) -> Self {
        Self { bytes, present }
    }
}

impl<'a> From<&'a Encoded> for Payload<'a> {
    fn from(record: &'a Encoded) -> Self {
        Self::new(&record.bytes, record.present)
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for Payload<'a> {
    fn from(bytes: &'a T) -> Self {
        Self::new(bytes.as_ref(), u64::MAX)
    }
}

impl Schema {
    /// Encodes values by name, in any order. A field that is left out gets its default, or is
    /// unknown if it is optional.
    ///
    /// The error names a field that is missing, given twice, of the wrong type, outside its type's
    /// range or its limits, or too long.
    pub fn encode(&self, values: &[(&str, Value)]) -> Result<Encoded> {
        let mut given = vec![None; self.fields().len()];
        for (name, value) in values {
            let index = self
                .index(name)
                .map_err(|error| invalid(error.to_string()))?;
            if given[index].replace(value).is_some() {
                return Err(invalid(format!("field {name} is given twice")));
            }
        }
        self.encode_in_order(given)
    }

    /// Encodes values in the fields' order, `None` for a field that is left out: for callers that
    /// look up the names once for many records.
    pub fn encode_in_order<'a>(
        &self,
        values: impl IntoIterator<Item = Option<&'a Value>>,
    ) -> Result<Encoded> {
        let mut record = self.blank();
        let mut values = values.into_iter();
        for (index, field) in self.fields().iter().enumerate() {
            let value = match values.next().flatten() {
                Some(value) => value,
                None => match &field.details.default {
                    Some(default) => default,
                    None if field.optional => &Value::Null,
                    None => {
                        let Field { name, kind, .. } = field;
                        return Err(invalid(format!("field {name} ({kind}) is missing")));
                    }
                },
            };
            self.store(&mut record, index, value)?;
        }
        Ok(record)
    }

    /// Gives one field of a record another value.
    pub fn set(&self, record: &mut Encoded, name: &str, value: &Value) -> Result<()> {
        let index = self.index(name)?;
        self.store(record, index, value)
    }

    /// The values of a record, in the fields' order, without those that a shorter record lacks.
    pub fn decode<'a>(&self, record: impl Into<Payload<'a>>) -> Vec<(&str, Value)> {
        let record = record.into();
        let fields = self.fields().iter().enumerate();
        let decoded = fields.map(|(index, field)| {
            let value = self.decode_field(index, record)?;
            Some((&*field.name, value))
        });
        decoded.flatten().collect()
    }

    /// The value of a field of a record; `None` when the record is too short to hold it.
    pub(crate) fn decode_field(&self, index: usize, record: Payload<'_>) -> Option<Value> {
        if self
            .presence(index)
            .is_some_and(|bit| record.present & bit == 0)
        {
            return Some(Value::Null);
        }
        load_field(&self.fields()[index], record.bytes)
    }

    /// The record of the defaults, if one field has a default, and every other one has one or is
    /// optional.
    pub fn defaults(&self) -> Option<Encoded> {
        let fields = self.fields();
        let has_default = fields.iter().any(|field| field.details.default.is_some());
        let is_complete = fields.iter().all(Field::may_be_missing);
        (has_default && is_complete).then(|| self.template())
    }

    /// A record of the defaults; a field without one is unknown, or zero.
    pub fn template(&self) -> Encoded {
        let mut record = self.blank();
        for (index, field) in self.fields().iter().enumerate() {
            if let Some(default) = &field.details.default {
                let stored = self.store(&mut record, index, default);
                debug_assert!(stored.is_ok(), "defaults were checked with the schema");
            }
        }
        record
    }

    fn blank(&self) -> Encoded {
        let size = match self.document() {
            Some(_) => 0,
            None => self.record_size(),
        };
        Encoded {
            bytes: vec![0; size],
            present: 0,
        }
    }

    fn store(&self, record: &mut Encoded, index: usize, value: &Value) -> Result<()> {
        let field = &self.fields()[index];
        if field.kind.is_document() {
            record.bytes = document(field, value)?.to_vec();
            return Ok(());
        }
        let bit = self.presence(index).unwrap_or(0);
        let start = field.offset as usize;
        let Some(place) = record.bytes.get_mut(start..start + field.bytes_len()) else {
            let (given, size) = (record.bytes.len(), self.record_size());
            return Err(invalid(format!(
                "a record must have {size} bytes (got {given})"
            )));
        };
        if *value == Value::Null && field.optional {
            place.fill(0);
            record.present &= !bit;
        } else {
            store_field(field, value, place)?;
            record.present |= bit;
        }
        Ok(())
    }
}
