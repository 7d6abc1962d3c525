//! Fields as C has them, and the schema that they make.

use std::ffi::c_char;

use bytemuck::{Pod, Zeroable};
use pegel::{Entry, Error, Field, Schema, Type};

use crate::argument::Argument;
use crate::guard::guard;
use crate::status::pegel_status;

/// The type of a field.
#[repr(C)]
#[allow(dead_code)] // the library takes any number and looks it up
pub enum pegel_type {
    /// One byte, 0 or 1: bool of <stdbool.h>.
    PEGEL_BOOL = 1,
    /// int8_t
    PEGEL_I8,
    /// uint8_t
    PEGEL_U8,
    /// int16_t
    PEGEL_I16,
    /// uint16_t
    PEGEL_U16,
    /// int32_t
    PEGEL_I32,
    /// uint32_t
    PEGEL_U32,
    /// int64_t
    PEGEL_I64,
    /// uint64_t
    PEGEL_U64,
    /// float
    PEGEL_F32,
    /// double
    PEGEL_F64,
    /// char[size]: UTF-8, padded with NULs. A text that fills its size has no NUL at its end.
    PEGEL_TEXT,
    /// A document: one JSON text of at most size bytes. The only field of its board.
    PEGEL_JSON,
    /// A document of at most size bytes of any kind. The only field of its board.
    PEGEL_BYTES,
    /// Added to a type by `|`: the field can be unknown, and has a bit in `present`. At most 64
    /// fields of a board are optional.
    PEGEL_OPTIONAL = 256,
}

/// One field of a record: `count` elements of `size` bytes, from byte `offset` on. Most fields only
/// need a name and a type, and all other members can be 0:
///
///     pegel_field field = {.name = "level", .unit = "m", .type = PEGEL_F64};
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub struct pegel_field {
    /// An identifier (a-z, A-Z, 0-9, _) of at most 31 bytes, padded with NULs.
    pub name: [c_char; 32],
    /// UTF-8 of at most 15 bytes, padded with NULs; "" for none.
    pub unit: [c_char; 16],
    /// A pegel_type, with PEGEL_OPTIONAL or without.
    pub r#type: u32,
    /// Bytes of one element. Required for texts and documents; for other types, 0 is replaced.
    pub size: u32,
    /// Elements of an array; 1 for a plain value. 0 stands for 1.
    pub count: u32,
    /// Bytes from the start of the record. 0 is replaced; any other number must be that of C.
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

/// Lays out fields as C lays out the members of a struct, without a board: sets the size, count and
/// offset of each of the `count` fields, and stores the size of the struct in `record_size`. For
/// programs that build their fields at run time; all other functions do this themselves.
///
/// Returns: PEGEL_INVALID_ARGUMENT, PEGEL_INVALID_FIELDS.
/// Blocks: no. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pegel_layout(
    fields: *mut pegel_field,
    count: usize,
    record_size: *mut usize,
) -> pegel_status {
    guard(|| {
        // SAFETY: the caller's promise: `count` fields and room for a size, both exclusive.
        let (given, record_size) = unsafe {
            (
                Argument("fields").slice_mut(fields, count)?,
                Argument("record_size").out(record_size)?,
            )
        };
        let schema = schema(given, "")?;
        for (field, laid_out) in given.iter_mut().zip(schema.fields()) {
            *field = laid_out.into();
        }
        *record_size = schema.record_size();
        Ok(())
    })
}
