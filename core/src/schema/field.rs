//! One field of a record: its name, type and layout.

use bytemuck::{Pod, Zeroable};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::details::Details;
use crate::schema::types::Type;
use crate::schema::value::Value;
use crate::schema::{FIELD_SIZE, MAX_RECORD};

/// Added to the type's number in the field table if the field is optional.
pub const OPTIONAL: u32 = 0x100;

/// One field: `count` elements of `size` bytes, `offset` bytes from the start of the record.
///
/// The size of a number, the count and the offset may be 0; the schema sets them.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// An identifier of at most 31 bytes.
    pub name: String,
    /// The unit, UTF-8 of at most 15 bytes; may be empty.
    pub unit: String,
    /// The type of each element.
    pub kind: Type,
    /// Bytes of one element; a document's capacity.
    pub size: u32,
    /// Elements; 1 is a plain value.
    pub count: u32,
    /// Bytes from the record's start.
    pub offset: u32,
    /// Whether it may be unknown, such as the value of a sensor that did not answer.
    pub optional: bool,
    /// Label, description, default and limits.
    pub details: Details,
}

impl Field {
    /// A number or a bool.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Self {
            name: name.into(),
            unit: String::new(),
            kind,
            size: kind.element_size().unwrap_or(0),
            count: 1,
            offset: 0,
            optional: false,
            details: Details::default(),
        }
    }

    /// A text of at most `size` bytes.
    pub fn text(name: impl Into<String>, size: u32) -> Self {
        Self {
            size,
            ..Self::new(name, Type::Text)
        }
    }

    /// The field of a board that holds JSON documents of at most `capacity` bytes.
    pub fn json(capacity: u32) -> Self {
        Self {
            size: capacity,
            ..Self::new("document", Type::Json)
        }
    }

    /// The field of a board that holds bytes, `capacity` at most.
    pub fn bytes(capacity: u32) -> Self {
        Self {
            size: capacity,
            ..Self::new("document", Type::Bytes)
        }
    }

    /// The same with a unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// An array of `count` of the same.
    #[must_use]
    pub fn array(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The same, optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same with a default.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.details.default = Some(value.into());
        self
    }

    /// The same with a least value.
    #[must_use]
    pub fn min(mut self, value: impl Into<Value>) -> Self {
        self.details.min = Some(value.into());
        self
    }

    /// The same with a greatest value.
    #[must_use]
    pub fn max(mut self, value: impl Into<Value>) -> Self {
        self.details.max = Some(value.into());
        self
    }

    /// The same with a label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.details.label = label.into();
        self
    }

    /// The same with a description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.details.description = description.into();
        self
    }

    /// Whether a record may leave it out.
    pub fn may_be_missing(&self) -> bool {
        self.optional || self.details.default.is_some()
    }

    /// Whether the other field is the same; the details may differ.
    pub fn is_same(&self, other: &Self) -> bool {
        Entry::from(self) == Entry::from(other)
    }

    /// Bytes of the whole field.
    pub fn bytes_len(&self) -> usize {
        (self.size as usize).saturating_mul(self.count as usize)
    }

    /// Checks what can be checked without the other fields, and sets size and count.
    pub(crate) fn complete(&mut self) -> Result<()> {
        let name = &self.name;
        let refuse = |reason: String| Err(Error::new(ErrorKind::InvalidFields, reason));
        let mut bytes = name.bytes();
        let starts = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !starts || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return refuse(format!(
                "field {name:?}: the name must be an identifier. Use letters, digits and _, a \
                 letter first."
            ));
        }
        if name.len() >= size_of_val(&Entry::zeroed().name) {
            return refuse(format!(
                "field {name:?}: the name must have at most 31 bytes"
            ));
        }
        if self.unit.len() >= size_of_val(&Entry::zeroed().unit) {
            let unit = &self.unit;
            return refuse(format!(
                "field {name}: the unit must have at most 15 bytes (got {unit:?})"
            ));
        }
        if self.unit.contains('\0') {
            return refuse(format!("field {name}: the unit must not contain NUL"));
        }
        self.count = self.count.max(1);
        match self.kind.element_size() {
            Some(size) if self.size == 0 || self.size == size => self.size = size,
            Some(size) => {
                let (kind, given) = (self.kind, self.size);
                return refuse(format!(
                    "field {name}: {kind} must have {size} bytes (got {given})"
                ));
            }
            None if self.size == 0 => {
                return refuse(format!("field {name}: {} needs a size in bytes", self.kind));
            }
            None => {}
        }
        if self.bytes_len() > MAX_RECORD {
            let bytes = self.bytes_len();
            return refuse(format!(
                "field {name}: it must have at most {MAX_RECORD} bytes (got {bytes})"
            ));
        }
        if self.kind.is_document() && (self.count != 1 || self.optional) {
            return refuse(format!(
                "field {name}: a document can be neither an array nor optional"
            ));
        }
        if !self.kind.is_number() && (self.details.min.is_some() || self.details.max.is_some()) {
            return refuse(format!("field {name}: {} cannot have limits", self.kind));
        }
        Ok(())
    }
}

/// A field as in the file and in C, where it is `pegel_field`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Entry {
    /// NUL-padded.
    pub name: [u8; 32],
    /// NUL-padded.
    pub unit: [u8; 16],
    /// The number of a [`Type`], plus [`OPTIONAL`] if the field is optional.
    pub kind: u32,
    /// Bytes of one element.
    pub size: u32,
    /// Elements.
    pub count: u32,
    /// Bytes from the record's start.
    pub offset: u32,
}

const _: () = assert!(size_of::<Entry>() == FIELD_SIZE);

impl From<&Field> for Entry {
    fn from(field: &Field) -> Self {
        let mut entry = Self {
            name: [0; 32],
            unit: [0; 16],
            kind: field.kind.code() | if field.optional { OPTIONAL } else { 0 },
            size: field.size,
            count: field.count,
            offset: field.offset,
        };
        entry.name[..field.name.len()].copy_from_slice(field.name.as_bytes());
        entry.unit[..field.unit.len()].copy_from_slice(field.unit.as_bytes());
        entry
    }
}

impl TryFrom<&Entry> for Field {
    type Error = Error;

    fn try_from(entry: &Entry) -> Result<Self> {
        let refuse = |reason: String| Error::new(ErrorKind::InvalidFields, reason);
        let name = text(&entry.name)
            .ok_or_else(|| refuse("a field's name must be UTF-8 of at most 31 bytes".into()))?;
        let unit = text(&entry.unit).ok_or_else(|| {
            refuse(format!(
                "field {name:?}: the unit must be UTF-8 of at most 15 bytes"
            ))
        })?;
        let kind = Type::from_code(entry.kind & !OPTIONAL)
            .ok_or_else(|| refuse(format!("field {name:?}: no type has number {}", entry.kind)))?;
        Ok(Self {
            name: name.into(),
            unit: unit.into(),
            kind,
            size: entry.size,
            count: entry.count,
            offset: entry.offset,
            optional: entry.kind & OPTIONAL != 0,
            details: Details::default(),
        })
    }
}

/// The text before the first NUL; `None` without a NUL.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&bytes[..end]).ok()
}
