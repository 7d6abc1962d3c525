//! The types of the header. Their layout is frozen within an ABI version.

use std::ffi::{CStr, c_char};

use bytemuck::{Pod, Zeroable};
use pegel::{Entry, Error, ErrorKind, Field, Schema, Type};

use crate::failure::Argument;

/// Compare with `pegel_abi_version()`.
#[repr(C)]
pub enum pegel_abi {
    PEGEL_ABI_VERSION = 1,
}

/// What came of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum pegel_status {
    PEGEL_OK = 0,
    /// An argument that no board could accept.
    PEGEL_INVALID_ARGUMENT = 10,
    /// Fields that are no schema, or not the board's.
    PEGEL_INVALID_FIELDS = 11,
    /// The record does not fit the board, or the buffer; the message has both sizes.
    PEGEL_TOO_LARGE = 12,
    /// No such board, or no such field.
    PEGEL_NOT_FOUND = 20,
    /// Another writer holds the board, and did not let go in time.
    PEGEL_LOCKED = 21,
    /// Nothing has been published yet.
    PEGEL_EMPTY = 22,
    /// That sequence is not, or no longer, in the ring.
    PEGEL_OVERWRITTEN = 23,
    /// Nothing happened in time.
    PEGEL_TIMEOUT = 24,
    /// The writer lapped every attempt to read.
    PEGEL_BUSY = 25,
    /// The board was replaced or removed; close and open again.
    PEGEL_GONE = 26,
    /// Somebody published since the sequence that you named.
    PEGEL_CONFLICT = 27,
    /// The file is no board, or damaged.
    PEGEL_CORRUPT = 30,
    /// A board of another layout version or byte order.
    PEGEL_UNSUPPORTED = 31,
    /// A file whose owner, type or links are not to be trusted.
    PEGEL_UNTRUSTED = 32,
    /// The system denies access.
    PEGEL_DENIED = 40,
    /// The system failed otherwise.
    PEGEL_SYSTEM = 41,
    /// The file system is full.
    PEGEL_NO_SPACE = 42,
    /// A fault in Pegel itself.
    PEGEL_PANIC = 50,
}

impl From<ErrorKind> for pegel_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => Self::PEGEL_INVALID_ARGUMENT,
            ErrorKind::InvalidFields => Self::PEGEL_INVALID_FIELDS,
            ErrorKind::TooLarge => Self::PEGEL_TOO_LARGE,
            ErrorKind::NotFound => Self::PEGEL_NOT_FOUND,
            ErrorKind::Locked => Self::PEGEL_LOCKED,
            ErrorKind::Empty => Self::PEGEL_EMPTY,
            ErrorKind::Overwritten => Self::PEGEL_OVERWRITTEN,
            ErrorKind::Timeout => Self::PEGEL_TIMEOUT,
            ErrorKind::Busy => Self::PEGEL_BUSY,
            ErrorKind::Gone => Self::PEGEL_GONE,
            ErrorKind::Conflict => Self::PEGEL_CONFLICT,
            ErrorKind::Corrupt => Self::PEGEL_CORRUPT,
            ErrorKind::Unsupported => Self::PEGEL_UNSUPPORTED,
            ErrorKind::Untrusted => Self::PEGEL_UNTRUSTED,
            ErrorKind::Denied => Self::PEGEL_DENIED,
            ErrorKind::System => Self::PEGEL_SYSTEM,
            ErrorKind::NoSpace => Self::PEGEL_NO_SPACE,
        }
    }
}

impl pegel_status {
    /// The name of a number.
    pub fn name(status: i32) -> &'static CStr {
        match status {
            0 => c"OK",
            10 => c"INVALID_ARGUMENT",
            11 => c"INVALID_FIELDS",
            12 => c"TOO_LARGE",
            20 => c"NOT_FOUND",
            21 => c"LOCKED",
            22 => c"EMPTY",
            23 => c"OVERWRITTEN",
            24 => c"TIMEOUT",
            25 => c"BUSY",
            26 => c"GONE",
            27 => c"CONFLICT",
            30 => c"CORRUPT",
            31 => c"UNSUPPORTED",
            32 => c"UNTRUSTED",
            40 => c"DENIED",
            41 => c"SYSTEM",
            42 => c"NO_SPACE",
            50 => c"PANIC",
            _ => c"UNKNOWN",
        }
    }
}

/// The type of a field.
#[repr(C)]
#[allow(dead_code)] // the library takes any number and looks it up
pub enum pegel_type {
    /// One byte, 0 or 1.
    PEGEL_BOOL = 1,
    PEGEL_I8,
    PEGEL_U8,
    PEGEL_I16,
    PEGEL_U16,
    PEGEL_I32,
    PEGEL_U32,
    PEGEL_I64,
    PEGEL_U64,
    PEGEL_F32,
    PEGEL_F64,
    /// UTF-8 of a fixed size, padded with NULs.
    PEGEL_TEXT,
    /// A document: one JSON text, the only field of its board; size is the capacity.
    PEGEL_JSON,
    /// A document of bytes.
    PEGEL_BYTES,
}

/// Flags of `pegel_options`.
#[repr(C)]
pub enum pegel_flag {
    /// Replace a board that has another schema or other slots, or is damaged.
    PEGEL_REPLACE = 1,
}

/// One field: `count` elements (1: a plain value) of `size` bytes, `offset` bytes into the record.
/// A number's size, a count and an offset may be 0: they are filled in.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_field {
    /// An identifier of at most 31 bytes, NUL-padded.
    pub name: [c_char; 32],
    /// UTF-8 of at most 15 bytes, NUL-padded.
    pub unit: [c_char; 16],
    /// A pegel_type.
    pub r#type: u32,
    /// Bytes of one element; a text's or document's must be given.
    pub size: u32,
    /// Elements.
    pub count: u32,
    /// Bytes from the record's start.
    pub offset: u32,
}

const _: () = {
    assert!(size_of::<pegel_field>() == 64);
    assert!(pegel_type::PEGEL_BOOL as u32 == Type::Bool.code());
    assert!(pegel_type::PEGEL_TEXT as u32 == Type::Text.code());
    assert!(pegel_type::PEGEL_BYTES as u32 == Type::Bytes.code());
};

impl From<&Field> for pegel_field {
    fn from(field: &Field) -> Self {
        bytemuck::cast(Entry::from(field))
    }
}

/// The schema of a C array of fields.
pub fn schema(fields: &[pegel_field]) -> Result<Schema, Error> {
    let entries = fields.iter().map(bytemuck::cast_ref::<_, Entry>);
    Schema::new(entries.map(Field::try_from).collect::<Result<_, _>>()?)
}

/// How a board is created; all but `size` may be 0.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_options {
    pub size: u32,
    /// Slots of the ring, a power of two from 4; 0 chooses.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640.
    pub mode: u32,
    /// PEGEL_REPLACE or 0.
    pub flags: u32,
}

/// What is known of a publication, as of the read.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_stamp {
    pub size: u32,
    /// How often the writer lapped the read.
    pub retries: u32,
    /// Bytes of the record; a document's length.
    pub record_size: u32,
    pub reserved: u32,
    pub sequence: u64,
    /// How many writers had taken the board by then.
    pub generation: u64,
    /// When it was published: Unix time.
    pub published_ns: i64,
    /// How old it was when it was read; time in suspend counts.
    pub age_ns: i64,
}

/// What is known of a board.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_info {
    pub size: u32,
    pub field_count: u32,
    /// Bytes of a record; a document's capacity.
    pub record_size: u32,
    /// Slots of the ring.
    pub slots: u32,
    /// Equal for equal schemas.
    pub schema_hash: u64,
    /// How many writers have taken the board.
    pub generation: u64,
    /// 0: a record of fields, 1: a JSON document, 2: bytes.
    pub document: u32,
    /// Permissions of the board's file.
    pub mode: u32,
}

/// The number of a document's type in `pegel_info`.
pub fn document_number(kind: Option<Type>) -> u32 {
    match kind {
        Some(Type::Json) => 1,
        Some(_) => 2,
        None => 0,
    }
}

/// The options at a pointer, or the default ones. A program that is newer than the library may
/// have more than this library knows, if they are zero.
///
/// # Safety
/// It is NULL or valid for reads of as many bytes as its `size` says.
pub unsafe fn options(given: *const pegel_options) -> Result<pegel_options, Error> {
    let argument = Argument("options");
    if given.is_null() {
        return Ok(pegel_options::zeroed());
    }
    // SAFETY: not NULL; by the function's promise `size` itself can be read, then that many bytes.
    let bytes = unsafe {
        let size = given.cast::<u32>().read_unaligned() as usize;
        if size < size_of::<u32>() {
            return Err(argument.invalid("has no size: set it to sizeof"));
        }
        argument.slice(given.cast::<u8>(), size)?
    };
    let (known, newer) = bytes.split_at(bytes.len().min(size_of::<pegel_options>()));
    let mut options = pegel_options::zeroed();
    bytemuck::bytes_of_mut(&mut options)[..known.len()].copy_from_slice(known);
    let unknown_flags = options.flags & !(pegel_flag::PEGEL_REPLACE as u32);
    if unknown_flags != 0 || newer.iter().any(|&byte| byte != 0) {
        return Err(argument.invalid("asks for what this library does not know; use a newer one"));
    }
    Ok(options)
}

/// The bytes of a caller's struct that begins with its size.
///
/// # Safety
/// `place` is valid for reads and writes of as many bytes as its first u32 says.
pub unsafe fn sized<'a, T>(argument: Argument, place: *mut T) -> Result<&'a mut [u8], Error> {
    // SAFETY: as the function's promise says; `size` is at the start of all of them.
    let bytes = unsafe {
        let size = *argument.get(place.cast::<u32>())?;
        argument.slice_mut(place.cast::<u8>(), size as usize)?
    };
    if bytes.len() < size_of::<u32>() {
        return Err(argument.invalid("has no size: set it to sizeof"));
    }
    Ok(bytes)
}

/// Fills in a struct that begins with its size, as far as the caller's reaches.
pub fn fill<T: Pod>(place: &mut [u8], value: &T) {
    let value = bytemuck::bytes_of(value);
    let common = place.len().min(value.len());
    let size = size_of::<u32>();
    place[size..common].copy_from_slice(&value[size..common]);
}
