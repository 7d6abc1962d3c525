//! The types of fields.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// The type of a field, with its number in the C header and in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[allow(missing_docs)] // the names of the numbers
pub enum Type {
    Bool = 1,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// UTF-8 of a fixed size in bytes, padded with NULs.
    Text,
    /// A document: one JSON text of varying length.
    Json,
    /// A document: bytes of varying length.
    Bytes,
}

/// The class of a type, whatever the width of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeClass {
    /// True or false.
    Bool,
    /// Whole numbers, signed or not.
    Integer,
    /// Numbers with a fraction.
    Float,
    /// A text of a fixed size.
    Text,
    /// A document of JSON.
    Json,
    /// A document of bytes.
    Bytes,
}

impl Type {
    /// Every type, by number.
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::I8,
        Self::U8,
        Self::I16,
        Self::U16,
        Self::I32,
        Self::U32,
        Self::I64,
        Self::U64,
        Self::F32,
        Self::F64,
        Self::Text,
        Self::Json,
        Self::Bytes,
    ];

    /// The type of a number.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The number.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The class, for code that treats all integers alike, or all floats.
    pub const fn class(self) -> TypeClass {
        match self {
            Self::Bool => TypeClass::Bool,
            Self::I8
            | Self::U8
            | Self::I16
            | Self::U16
            | Self::I32
            | Self::U32
            | Self::I64
            | Self::U64 => TypeClass::Integer,
            Self::F32 | Self::F64 => TypeClass::Float,
            Self::Text => TypeClass::Text,
            Self::Json => TypeClass::Json,
            Self::Bytes => TypeClass::Bytes,
        }
    }

    /// Whether it is a number, which can have limits.
    pub const fn is_number(self) -> bool {
        matches!(self.class(), TypeClass::Integer | TypeClass::Float)
    }

    /// The name in schema files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Text => "text",
            Self::Json => "json",
            Self::Bytes => "bytes",
        }
    }

    /// Whether it is a document: the only field of its board, of varying length.
    pub const fn is_document(self) -> bool {
        matches!(self.class(), TypeClass::Json | TypeClass::Bytes)
    }

    /// Bytes of one element; `None` for texts and documents, whose fields have a size.
    pub const fn element_size(self) -> Option<u32> {
        match self {
            Self::Bool | Self::I8 | Self::U8 => Some(1),
            Self::I16 | Self::U16 => Some(2),
            Self::I32 | Self::U32 | Self::F32 => Some(4),
            Self::I64 | Self::U64 | Self::F64 => Some(8),
            Self::Text | Self::Json | Self::Bytes => None,
        }
    }

    /// Alignment in bytes: the element's size, on every machine.
    pub(crate) fn alignment(self) -> u32 {
        self.element_size().unwrap_or(1)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Type {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            let message = format!(
                "no type is called {name:?}. The types are {}.",
                names.join(", ")
            );
            Error::new(ErrorKind::InvalidFields, message)
        })
    }
}
