//! The value of a field, whatever its type.

use std::fmt;

use serde::{Serialize, Serializer};

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Unknown: an optional field without a value.
    Null,
    /// A bool.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// A 32-bit float, whose shortest decimal notation differs from a 64-bit float's.
    F32(f32),
    /// A 64-bit float.
    Float(f64),
    /// A text, or a JSON document.
    Text(String),
    /// A document of bytes.
    Bytes(Vec<u8>),
    /// The elements of an array.
    List(Vec<Value>),
}

impl Value {
    /// The integer, if it is one.
    pub fn integer(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some((*value).into()),
            Self::UInt(value) => Some((*value).into()),
            Self::Null
            | Self::Bool(_)
            | Self::F32(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_) => None,
        }
    }

    /// The number, rounded to an `f64`, if it is one.
    #[allow(clippy::cast_precision_loss)]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::UInt(value) => Some(*value as f64),
            Self::F32(value) => Some((*value).into()),
            Self::Float(value) => Some(*value),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::Bytes(_) | Self::List(_) => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Null => out.serialize_none(),
            Self::Bool(value) => out.serialize_bool(*value),
            Self::Int(value) => out.serialize_i64(*value),
            Self::UInt(value) => out.serialize_u64(*value),
            Self::F32(value) => out.serialize_f32(*value),
            Self::Float(value) => out.serialize_f64(*value),
            Self::Text(value) => out.serialize_str(value),
            Self::Bytes(value) => out.serialize_bytes(value),
            Self::List(values) => out.collect_seq(values),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("unknown"),
            Self::Bool(value) => value.fmt(out),
            Self::Int(value) => value.fmt(out),
            Self::UInt(value) => value.fmt(out),
            Self::F32(value) => value.fmt(out),
            Self::Float(value) => value.fmt(out),
            Self::Text(value) => value.fmt(out),
            Self::Bytes(value) => write!(out, "{} bytes", value.len()),
            Self::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(out, "{comma}{value}")?;
                }
                Ok(())
            }
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool, i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt,
    f32 => F32, f64 => Float, &str => Text, String => Text,
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const COUNT: usize> From<[T; COUNT]> for Value {
    fn from(values: [T; COUNT]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
