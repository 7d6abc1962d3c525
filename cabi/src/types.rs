//! The types of the header. Their layout is frozen within an ABI version.

use std::ffi::{CStr, c_char};

use bytemuck::{Pod, Zeroable};
use pegel::{Condition, Entry, Error, ErrorKind, Field, Schema, Type};

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
    /// The ring is full of publications that nobody acknowledged yet.
    PEGEL_FULL = 28,
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
            ErrorKind::Full => Self::PEGEL_FULL,
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
            28 => c"FULL",
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
    /// Or this to the type of a field that may be unknown: pegel_stamp's present then has a bit for it.
    PEGEL_OPTIONAL = 256,
}

/// Flags of `pegel_options`, and of `pegel_info` where that is said.
#[repr(C)]
pub enum pegel_flag {
    /// Replace a board that has another schema or other slots, or is damaged.
    PEGEL_REPLACE = 1,
    /// If the board has more fields than the program, its records have them all.
    PEGEL_WHOLE = 2,
    /// Let pegel_writer_publish publish records of fields without looking at the clock, in loops where that would
    /// take most of the time. Readers cannot tell a record's age (age_ns is INT64_MAX, published_ns 0), those who
    /// wait look once a millisecond, and the writer notices that the board is gone a second later, and after up to
    /// 255 more publications.
    PEGEL_UNSTAMPED = 4,
    /// Let each publication carry a checksum, which all readers verify: one that is wrong is then PEGEL_CORRUPT.
    /// It is of all bytes of a record, so a memory checker may ask for padding that is set. A board that is there
    /// without checksums has to be replaced; one that has them keeps them in any case. In pegel_info: it has them.
    PEGEL_CHECKSUM = 8,
    /// Give the board a durable file, into which pegel_writer_sync puts the newest record, and from which it comes back
    /// after a reboot (docs/durable.md). A board that is there without is replaced by one with the same records; one
    /// that has one keeps it in any case. In pegel_info: it has one.
    PEGEL_DURABLE = 16,
    /// Only in pegel_info: the board mirrors one of another machine (docs/mqtt.md), and cannot be written here.
    PEGEL_MIRROR = 32,
}

/// On which condition pegel_writer_publish_on publishes.
#[repr(C)]
#[allow(dead_code)] // the library takes any number and looks it up
pub enum pegel_condition {
    PEGEL_ALWAYS = 0,
    /// If the newest sequence still is the named one (0: nothing published yet); else PEGEL_CONFLICT.
    PEGEL_NEWEST = 1,
    /// If the ring then still holds all publications after the named one, up to which somebody has
    /// acknowledged them; else PEGEL_FULL.
    PEGEL_ACKNOWLEDGED = 2,
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
    /// A pegel_type, perhaps with PEGEL_OPTIONAL.
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
    assert!(pegel_type::PEGEL_OPTIONAL as u32 == pegel::OPTIONAL);
};

impl From<&Field> for pegel_field {
    fn from(field: &Field) -> Self {
        bytemuck::cast(Entry::from(field))
    }
}

/// The schema of a C array of fields and a text of details, which may be empty.
pub fn schema(fields: &[pegel_field], details: &str) -> Result<Schema, Error> {
    let entries = fields.iter().map(bytemuck::cast_ref::<_, Entry>);
    let schema = Schema::new(entries.map(Field::try_from).collect::<Result<_, _>>()?)?;
    if details.is_empty() {
        Ok(schema)
    } else {
        schema.with_details(details)
    }
}

/// How a board is created; all but `size` may be 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pegel_options {
    pub size: u32,
    /// Slots of the ring, a power of two from 4; 0 chooses.
    pub slots: u32,
    /// Permissions of the board's file; 0 is 0640, or what they are if there is one.
    pub mode: u32,
    /// Of pegel_flag.
    pub flags: u32,
    /// Descriptions, labels, defaults and limits as JSON (docs/format.md), or NULL.
    pub details: *const c_char,
    /// How long to wait for another writer to let go; 0 does not wait, below 0 waits for ever.
    pub timeout_ns: i64,
}

/// How a record is published; all but `size` may be 0.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_publish_options {
    pub size: u32,
    /// A pegel_condition.
    pub condition: u32,
    /// The sequence that it names.
    pub sequence: u64,
    /// The optional fields that are known: the lowest bit for the first of them, and so on.
    pub present: u64,
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
    /// How many writers had taken the board by then; 0 for the defaults of a new board.
    pub generation: u64,
    /// When it was published: Unix time; 0 if its writer leaves that out.
    pub published_ns: i64,
    /// How old it was when it was read; time in suspend counts. INT64_MAX if its writer leaves that out.
    pub age_ns: i64,
    /// The optional fields that are known: the lowest bit for the first of them, and so on.
    pub present: u64,
    /// Of pegel_reader_read_after: publications before this one that the ring no longer held.
    pub missed: u64,
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
    /// Drawn at random when a board is new, and kept when it is replaced: sequences can be compared
    /// while it is the same.
    pub lineage: u64,
    /// PEGEL_CHECKSUM, PEGEL_DURABLE and PEGEL_MIRROR, or 0.
    pub flags: u32,
    pub reserved: u32,
}

/// The number of a document's type in `pegel_info`.
pub fn document_number(kind: Option<Type>) -> u32 {
    match kind {
        Some(Type::Json) => 1,
        Some(_) => 2,
        None => 0,
    }
}

/// A struct of the caller that begins with its size, as far as this library knows it; what it does not
/// know of a newer program's has to be zero.
///
/// # Safety
/// `T` is `repr(C)`, begins with a u32 and takes any bytes that a caller may put there; `given` is NULL
/// or valid for reads of as many bytes as its first u32 says.
unsafe fn known<T>(argument: Argument, given: *const T, mut known: T) -> Result<T, Error> {
    if given.is_null() {
        return Ok(known);
    }
    // SAFETY: not NULL; by the function's promise the size itself can be read, then that many bytes.
    let bytes = unsafe {
        let size = given.cast::<u32>().read_unaligned() as usize;
        if size < size_of::<u32>() {
            return Err(argument.invalid("has no size: set it to sizeof"));
        }
        argument.slice(given.cast::<u8>(), size)?
    };
    let common = bytes.len().min(size_of::<T>());
    if bytes[common..].iter().any(|&byte| byte != 0) {
        return Err(argument.unknown());
    }
    // SAFETY: both have that many bytes, and `T` takes any, by the function's promise.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut known).cast::<u8>(), common);
    }
    Ok(known)
}

/// The options at a pointer, or the default ones, and their details.
///
/// # Safety
/// It is NULL or valid for reads of as many bytes as its `size` says, and its details are NULL or a C
/// string, for `'a`.
pub unsafe fn options<'a>(given: *const pegel_options) -> Result<(pegel_options, &'a str), Error> {
    let none = pegel_options {
        size: 0,
        slots: 0,
        mode: 0,
        flags: 0,
        details: std::ptr::null(),
        timeout_ns: 0,
    };
    let argument = Argument("options");
    // SAFETY: the function's promise; any bytes are numbers and a pointer.
    let options = unsafe { known(argument, given, none)? };
    let known = pegel_flag::PEGEL_REPLACE as u32
        | pegel_flag::PEGEL_WHOLE as u32
        | pegel_flag::PEGEL_UNSTAMPED as u32
        | pegel_flag::PEGEL_CHECKSUM as u32
        | pegel_flag::PEGEL_DURABLE as u32;
    if options.flags & !known != 0 {
        return Err(argument.unknown());
    }
    // SAFETY: the function's promise.
    let details = unsafe { Argument("details").optional_text(options.details)? };
    Ok((options, details))
}

/// The condition and the presence of a publication.
///
/// # Safety
/// It is NULL or valid for reads of as many bytes as its `size` says.
pub unsafe fn publication(given: *const pegel_publish_options) -> Result<(Condition, u64), Error> {
    let argument = Argument("publication");
    let whole = pegel_publish_options {
        present: u64::MAX,
        ..Zeroable::zeroed()
    };
    // SAFETY: the function's promise; any bytes are numbers.
    let known = unsafe { known(argument, given, whole)? };
    let condition = match known.condition {
        0 => Condition::Always,
        1 => Condition::Newest(known.sequence),
        2 => Condition::Acknowledged(known.sequence),
        _ => return Err(argument.unknown()),
    };
    Ok((condition, known.present))
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
