//! A text of a record, of a fixed size.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// A text of at most `SIZE` bytes of UTF-8 without NULs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const SIZE: usize> {
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> Text<SIZE> {
    /// `TOO_LARGE` if it has more bytes, `INVALID_FIELDS` if one of them is NUL.
    pub fn new(text: &str) -> Result<Self> {
        let length = text.len();
        if length > SIZE {
            let message = format!("the text must have at most {SIZE} bytes (got {length})");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if text.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidFields,
                "text must not contain NUL",
            ));
        }
        let mut bytes = [0; SIZE];
        bytes[..length].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }

    /// The text of a record's bytes, with a question mark for each byte that is not valid UTF-8, as
    /// bytes are published without a check.
    pub(crate) fn load(record: &[u8]) -> Self {
        let mut bytes = [0; SIZE];
        let end = record.iter().position(|&byte| byte == 0);
        let length = end.unwrap_or(record.len()).min(SIZE);
        bytes[..length].copy_from_slice(&record[..length]);
        while let Err(error) = std::str::from_utf8(&bytes[..length]) {
            bytes[error.valid_up_to()] = b'?';
        }
        Self { bytes }
    }

    pub(crate) fn bytes(&self) -> &[u8; SIZE] {
        &self.bytes
    }
}

impl<const SIZE: usize> Deref for Text<SIZE> {
    type Target = str;

    fn deref(&self) -> &str {
        let end = self.bytes.iter().position(|&byte| byte == 0);
        // `new` and `load` checked it.
        std::str::from_utf8(&self.bytes[..end.unwrap_or(SIZE)]).unwrap_or_default()
    }
}

impl<const SIZE: usize> Default for Text<SIZE> {
    fn default() -> Self {
        Self { bytes: [0; SIZE] }
    }
}

impl<const SIZE: usize> TryFrom<&str> for Text<SIZE> {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl<const SIZE: usize> FromStr for Text<SIZE> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl<const SIZE: usize> PartialEq<str> for Text<SIZE> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl<const SIZE: usize> PartialEq<&str> for Text<SIZE> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl<const SIZE: usize> fmt::Display for Text<SIZE> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, out)
    }
}

impl<const SIZE: usize> fmt::Debug for Text<SIZE> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, out)
    }
}

impl<const SIZE: usize> Serialize for Text<SIZE> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        out.serialize_str(self)
    }
}
