//! What a reader knows about its board: its schema, its details, and whether its writer lives.

use std::ffi::c_char;

use bytemuck::{Pod, Zeroable};
use pegel::{Error, ErrorKind, Type};

use crate::argument::Argument;
use crate::field::pegel_field;
use crate::guard::guard;
use crate::options::pegel_flag;
use crate::reader::{narrow, open, pegel_reader};
use crate::sized;
use crate::status::pegel_status;

/// What the records of a board are.
#[repr(C)]
pub enum pegel_content {
    /// All fields as one C struct.
    PEGEL_FIELDS = 0,
    /// One JSON text.
    PEGEL_JSON_DOCUMENT = 1,
    /// One document of any bytes.
    PEGEL_BYTES_DOCUMENT = 2,
}

/// What is known about a board.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_info {
    /// sizeof(pegel_info).
    pub size: u32,
    /// How many fields a record has.
    pub field_count: u32,
    /// Bytes of a record; of a document, the longest that fits.
    pub record_size: u32,
    /// Slots of the ring.
    pub slots: u32,
    /// Equal for equal fields, whatever their details.
    pub schema_hash: u64,
    /// How many writers have opened the board so far.
    pub generation: u64,
    /// A pegel_content.
    pub content: u32,
    /// Permissions of the board's file, such as 0640.
    pub mode: u32,
    /// Random for a new board, and kept when it is replaced or restored: sequences of the same
    /// lineage can be compared.
    pub lineage: u64,
    /// PEGEL_CHECKSUM, PEGEL_DURABLE and PEGEL_MIRROR, as far as they apply.
    pub flags: u32,
    pub reserved: u32,
}

/// Stores what is known about the board in `info`, whose size must be set. The generation and the
/// mode are current, everything else is as of opening.
///
/// Returns: PEGEL_INVALID_ARGUMENT.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_info(
    reader: *const pegel_reader,
    info: *mut pegel_info,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and a struct of the size that it states.
        let (reader, place) = unsafe { (open(reader)?, sized::bytes(Argument("info"), info)?) };
        let (known, schema) = (reader.info(), reader.schema());
        let flag = |is_set, flag: pegel_flag| if is_set { flag as u32 } else { 0 };
        let content = match schema.document() {
            None => pegel_content::PEGEL_FIELDS,
            Some(Type::Json) => pegel_content::PEGEL_JSON_DOCUMENT,
            Some(_) => pegel_content::PEGEL_BYTES_DOCUMENT,
        };
        let found = pegel_info {
            size: 0,
            field_count: narrow(schema.fields().len()),
            record_size: narrow(known.record_size),
            slots: known.slots,
            schema_hash: known.schema_hash,
            generation: known.generation,
            content: content as u32,
            mode: known.mode,
            lineage: reader.lineage(),
            flags: flag(known.checksums, pegel_flag::PEGEL_CHECKSUM)
                | flag(known.durable, pegel_flag::PEGEL_DURABLE)
                | flag(known.mirror, pegel_flag::PEGEL_MIRROR),
            reserved: 0,
        };
        sized::fill(place, &found);
        Ok(())
    })
}

/// Stores the fields of a record in `fields`, in their order, and their number in `count`. `fields`
/// has room for `capacity` fields. With a capacity of 0, `fields` can be NULL, and only the number
/// is stored.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TOO_LARGE (more fields than the capacity).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_fields(
    reader: *const pegel_reader,
    fields: *mut pegel_field,
    capacity: usize,
    count: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, room for `capacity` fields and a number.
        let (reader, fields, count) = unsafe {
            (
                open(reader)?,
                Argument("fields").slice_mut(fields, capacity)?,
                Argument("count").out(count)?,
            )
        };
        let found = reader.schema().fields();
        if capacity > 0 && capacity < found.len() {
            let (name, has) = (reader.board(), found.len());
            let message =
                format!("board {name}: capacity must be at least {has} fields (got {capacity})");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        for (field, found) in fields.iter_mut().zip(found) {
            *field = found.into();
        }
        *count = found.len();
        Ok(())
    })
}

/// Stores in `field` the field with this name.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_NOT_FOUND (no such field; the message lists all).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_field(
    reader: *const pegel_reader,
    name: *const c_char,
    field: *mut pegel_field,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, a C string, and room for a field.
        let (reader, name, field) = unsafe {
            (
                open(reader)?,
                Argument("name").text(name)?,
                Argument("field").out(field)?,
            )
        };
        *field = reader.schema().field(name)?.into();
        Ok(())
    })
}

/// Stores the details of the board in `text`, as JSON with a NUL at the end, or "" if there are
/// none; and its bytes without the NUL in `length`. `text` has room for `capacity` bytes. With a
/// capacity of 0, `text` can be NULL, and only the length is stored. All members of the JSON are
/// optional:
///
///     {"description": "The tank in the yard",
///      "fields": {"level": {"label": "Level", "description": "Above the outlet",
///                           "default": 0, "min": 0, "max": 5}}}
///
/// If each field is optional or has a default, and one has, the board is never empty: the defaults
/// are its first record. Programs that publish by name (PHP, Python, `pegel set`, forms) check
/// limits; this library does not.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_TOO_LARGE (more bytes than the capacity).
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_details(
    reader: *const pegel_reader,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, room for `capacity` bytes and a number.
        let (reader, text, length) = unsafe {
            (
                open(reader)?,
                Argument("text").slice_mut(text.cast::<u8>(), capacity)?,
                Argument("length").out(length)?,
            )
        };
        let details = reader.schema().details().as_bytes();
        if capacity > 0 {
            let (name, needed) = (reader.board(), details.len() + 1);
            if capacity < needed {
                let message = format!(
                    "board {name}: capacity must be at least {needed} bytes (got {capacity})"
                );
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            text[..details.len()].copy_from_slice(details);
            text[details.len()] = 0;
        }
        *length = details.len();
        Ok(())
    })
}

/// Stores 1 in `alive` if a writer has the board open now, even if it is stopped, else 0. Any
/// process that can read the file can fake a writer by a lock, but not a new record: check its age,
/// too.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_SYSTEM.
/// Blocks: no; one system call. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_reader_writer_alive(
    reader: *const pegel_reader,
    alive: *mut i32,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: an open reader, and room for a number.
        let (reader, alive) = unsafe { (open(reader)?, Argument("alive").out(alive)?) };
        *alive = i32::from(reader.writer_alive()?);
        Ok(())
    })
}
