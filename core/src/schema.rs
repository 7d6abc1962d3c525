//! The fields of a record: their layout, and a hash that identifies it.

pub mod codec;
pub mod details;
mod element;
pub mod evolution;
pub mod field;
mod limits;
pub mod nesting;
pub mod record;
pub mod text;
pub mod types;
pub mod value;

use bytemuck::{bytes_of, cast_slice, try_pod_read_unaligned};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::field::{Entry, Field};
use crate::schema::types::Type;

/// Bytes of one entry of the field table.
pub const FIELD_SIZE: usize = 64;
/// The largest record or document, in bytes.
pub const MAX_RECORD: usize = 1 << 30;
/// The most fields that a board may have.
pub const MAX_FIELDS: usize = 1 << 12;
/// The most optional fields: a stamp has one word for their presence.
pub const MAX_OPTIONAL: usize = 64;
/// The most bytes of details.
pub const MAX_DETAILS: usize = 1 << 20;

/// The fields of a board, laid out as C lays out a struct: in their order, each aligned to its own
/// size, the whole a multiple of the largest alignment. (On 32-bit x86, where C aligns 8-byte
/// numbers to 4, a C struct needs `aligned(8)` members.)
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    fields: Vec<Field>,
    record_size: usize,
    hash: u64,
    description: String,
    details: String,
}

impl Schema {
    /// Lays out the fields. An offset other than 0 must be the one that C gives.
    pub fn new(mut fields: Vec<Field>) -> Result<Self> {
        let record_size = lay_out(&mut fields)?;
        Ok(Self {
            details: details::write("", &fields)?,
            description: String::new(),
            record_size,
            hash: fnv1a(cast_slice(&entries(&fields))),
            fields,
        })
    }

    /// The same with a description of the board.
    pub fn describe(mut self, description: impl Into<String>) -> Result<Self> {
        self.description = description.into();
        self.details = details::write(&self.description, &self.fields)?;
        Ok(self)
    }

    /// The same with the details of a JSON text, as [`Schema::details`] gives it.
    pub fn with_details(self, text: &str) -> Result<Self> {
        let mut fields = self.fields;
        let description = details::read(text, &mut fields)?;
        Self::new(fields)?.describe(description)
    }

    /// The description of the board, or an empty text.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Descriptions, labels, defaults and limits as one JSON text, as in the file; may be empty.
    pub fn details(&self) -> &str {
        &self.details
    }

    /// The fields in their order, with sizes, counts and offsets.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Result<&Field> {
        self.index(name).map(|index| &self.fields[index])
    }

    /// The index of the field of this name.
    pub(crate) fn index(&self, name: &str) -> Result<usize> {
        let found = self.fields.iter().position(|field| field.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().map(|field| &*field.name).collect();
            let message = format!(
                "no field is called {name:?}. The fields are {}.",
                names.join(", ")
            );
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// The bit of an optional field, which is set if the field is known: the first bit for the
    /// first optional field, and so on. `None` for a field that is not optional.
    pub fn presence(&self, index: usize) -> Option<u64> {
        let before = || self.fields[..index].iter().filter(|field| field.optional);
        let is_optional = self.fields[index].optional;
        is_optional.then(|| 1 << before().count())
    }

    /// The bits of the optional fields among the first ones.
    pub(crate) fn presence_of(&self, fields: usize) -> u64 {
        let optional = self.fields[..fields].iter().filter(|field| field.optional);
        u64::MAX
            .checked_shr(64 - u32::try_from(optional.count()).unwrap_or(64))
            .unwrap_or(0)
    }

    /// Bytes of a record; of a document, the capacity.
    pub fn record_size(&self) -> usize {
        self.record_size
    }

    /// The type of the document, if the board holds documents.
    pub fn document(&self) -> Option<Type> {
        Some(self.fields[0].kind).filter(|kind| kind.is_document())
    }

    /// FNV-1a, 64 bits, of the field table: equal schemas have equal hashes. (G. Fowler, L. C.
    /// Noll, K.-P. Vo; IETF draft-eastlake-fnv.)
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The field table, as in the file.
    pub fn table(&self) -> Vec<u8> {
        cast_slice(&entries(&self.fields)).to_vec()
    }

    /// As `from_parts`, of details that may not be valid UTF-8.
    pub(crate) fn from_bytes(table: &[u8], details: &[u8]) -> Result<Self> {
        let details = std::str::from_utf8(details)
            .map_err(|error| Error::new(ErrorKind::InvalidFields, error.to_string()))?;
        Self::from_parts(table, details)
    }

    /// The schema of a field table and a text of details.
    pub fn from_parts(table: &[u8], details: &str) -> Result<Self> {
        let fields = table.chunks_exact(FIELD_SIZE).map(|bytes| {
            let entry: Entry = try_pod_read_unaligned(bytes)
                .map_err(|error| Error::new(ErrorKind::InvalidFields, error.to_string()))?;
            Field::try_from(&entry)
        });
        let mut fields: Vec<_> = fields.collect::<Result<_>>()?;
        let description = details::read(details, &mut fields)?;
        let record_size = lay_out(&mut fields)?;
        let mut written = fields.iter().zip(table.chunks_exact(FIELD_SIZE));
        if !written.all(|(field, bytes)| bytes_of(&Entry::from(field)) == bytes) {
            let message = "the field table is not in the form that Pegel writes";
            return Err(Error::new(ErrorKind::InvalidFields, message));
        }
        Ok(Self {
            description,
            // Unchanged, as a later version may have more members.
            details: details.into(),
            record_size,
            hash: fnv1a(table),
            fields,
        })
    }

    /// The number of common fields, if one schema is the other with fields appended. The details
    /// are not compared.
    pub fn common(&self, other: &Self) -> Option<usize> {
        let common = self.fields.len().min(other.fields.len());
        let mut pairs = self.fields.iter().zip(&other.fields);
        let is_same = |mine: &Field, others: &Field| {
            let size = if mine.kind.is_document() {
                others.size
            } else {
                mine.size
            };
            Field {
                size,
                ..mine.clone()
            }
            .is_same(others)
        };
        pairs
            .all(|(mine, others)| is_same(mine, others))
            .then_some(common)
    }

    /// The difference to the other schema, in words.
    pub fn difference(&self, other: &Self) -> Option<String> {
        for (mine, others) in self.fields.iter().zip(&other.fields) {
            if !mine.is_same(others) {
                return Some(format!(
                    "{} instead of {}",
                    describe(mine),
                    describe(others)
                ));
            }
        }
        let (mine, others) = (self.fields.len(), other.fields.len());
        let names = |fields: &[Field]| {
            let names: Vec<_> = fields.iter().map(|field| &*field.name).collect();
            names.join(", ")
        };
        match mine.cmp(&others) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(format!("it lacks {}", names(&other.fields[mine..]))),
            std::cmp::Ordering::Greater => {
                Some(format!("it also has {}", names(&self.fields[others..])))
            }
        }
    }
}

/// Lays out the fields, and returns the size of a record in bytes.
fn lay_out(fields: &mut [Field]) -> Result<usize> {
    let refuse = |reason: String| Err(Error::new(ErrorKind::InvalidFields, reason));
    if fields.is_empty() || fields.len() > MAX_FIELDS {
        let count = fields.len();
        return refuse(format!(
            "a board must have 1 to {MAX_FIELDS} fields (got {count})"
        ));
    }
    let (mut end, mut alignment) = (0_usize, 1);
    for index in 0..fields.len() {
        let (before, rest) = fields.split_at_mut(index);
        let (field, after) = rest.split_first_mut().expect("index is below the length");
        field.complete()?;
        let name = &field.name;
        if before.iter().any(|other| other.name == *name) {
            return refuse(format!("two fields are called {name}"));
        }
        if field.kind.is_document() && (index > 0 || !after.is_empty()) {
            return refuse(format!(
                "field {name}: a document must be the only field of its board"
            ));
        }
        let offset = end.next_multiple_of(field.kind.alignment() as usize);
        end = offset + field.bytes_len();
        if end > MAX_RECORD {
            return refuse(format!("the record must have at most {MAX_RECORD} bytes"));
        }
        #[allow(clippy::cast_possible_truncation)] // at most MAX_RECORD
        let offset = offset as u32;
        if field.offset != 0 && field.offset != offset {
            let (name, given) = (&field.name, field.offset);
            return refuse(format!(
                "field {name}: the offset must be {offset} (got {given})"
            ));
        }
        field.offset = offset;
        alignment = alignment.max(field.kind.alignment() as usize);
    }
    let optional = fields.iter().filter(|field| field.optional).count();
    if optional > MAX_OPTIONAL {
        return refuse(format!(
            "at most {MAX_OPTIONAL} fields can be optional (got {optional}). Use two boards."
        ));
    }
    for field in fields {
        limits::check(field)?;
    }
    Ok(end.next_multiple_of(alignment))
}

fn describe(field: &Field) -> String {
    let Field {
        name,
        unit,
        kind,
        size,
        count,
        offset,
        optional,
        ..
    } = field;
    let text = match kind.element_size() {
        Some(_) => format!("{name} {kind}"),
        None => format!("{name} {kind}({size})"),
    };
    let array = if *count == 1 {
        String::new()
    } else {
        format!("[{count}]")
    };
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" in {unit}")
    };
    let optional = if *optional { "optional " } else { "" };
    format!("{optional}{text}{array}{unit} at {offset}")
}

fn entries(fields: &[Field]) -> Vec<Entry> {
    fields.iter().map(Entry::from).collect()
}

/// FNV-1a of whole words. Most words of a field table are zeros, whose eight steps are one
/// multiplication.
fn fnv1a(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        if *word == [0; 8] {
            return hash.wrapping_mul(PRIME.wrapping_pow(8));
        }
        let step = |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        word.iter().fold(hash, step)
    })
}

#[cfg(test)]
mod tests;
