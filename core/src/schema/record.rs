//! Records as Rust's own structs: what `#[derive(pegel::Record)]` writes, and what it stands on.

use crate::schema::field::Field;
use crate::schema::text::Text;
use crate::schema::types::Type;
use crate::schema::value::Value;

/// A struct that a board keeps; derive it.
///
/// ```
/// /// What the gauge says.
/// #[derive(Clone, Copy, Debug, PartialEq, pegel::Record)]
/// struct Station {
///     /// Above the gauge's zero.
///     #[pegel(unit = "m", label = "Water level", min = -1.0, max = 20.0)]
///     level: f64,
///     rain: bool,
///     #[pegel(unit = "m/s")]
///     wind: Option<f32>,
///     #[pegel(default = "none")]
///     note: pegel::Text<24>,
/// }
/// ```
///
/// Fields are `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64`, [`Text`], arrays of them, and `Option`
/// of those, which may be unknown. `#[pegel(…)]` takes `unit`, `label`, `description` (else the field's
/// own documentation), `min`, `max` and `default`. The struct's documentation is the board's description.
/// The bytes are those of the same struct in C, whatever Rust makes of it in memory: `#[repr(C)]` is
/// not needed.
pub trait Record: Sized {
    /// Bytes of a record.
    const SIZE: usize;
    /// What the board is about.
    const DESCRIPTION: &'static str;

    /// The fields, not laid out yet.
    fn fields() -> Vec<Field>;

    /// Writes the record into `bytes`, of which there are `SIZE`, and says which optional fields are
    /// known. Padding stays as it is.
    fn encode(&self, bytes: &mut [u8]) -> u64;

    /// The record of `SIZE` bytes.
    fn decode(bytes: &[u8], present: u64) -> Self;
}

/// What a field of a record can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a record",
    label = "not a field type",
    note = "a field can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE>, an array of \
            these, or an Option of any of them"
)]
pub trait FieldValue: Sized {
    /// What a default is written as.
    type Literal;
    /// What a limit is written as.
    type Limit: Into<Value>;

    /// The type of an element.
    const KIND: Type;
    /// Bytes of an element.
    const SIZE: usize;
    /// Elements.
    const COUNT: usize;
    /// Whether it may be unknown.
    const OPTIONAL: bool;

    /// The value of a default.
    fn value(literal: Self::Literal) -> Value;

    /// Writes it into its bytes; whether it is known.
    fn store(&self, bytes: &mut [u8]) -> bool;

    /// Reads it from its bytes, if it is known.
    fn load(bytes: &[u8], is_known: bool) -> Self;
}

/// What arrays and options can be of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an array element or an optional value in a record",
    label = "not an element type",
    note = "an element can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE> or an array of \
            these; only a whole array can be optional"
)]
pub trait Plain: FieldValue {}

/// What fields without limits have as theirs: no value.
#[derive(Clone, Copy, Debug)]
pub enum Unlimited {}

impl From<Unlimited> for Value {
    fn from(none: Unlimited) -> Self {
        match none {}
    }
}

macro_rules! number {
    ($($type:ident $kind:ident),* $(,)?) => {$(
        impl Plain for $type {}
        impl FieldValue for $type {
            type Literal = Self;
            type Limit = Self;
            const KIND: Type = Type::$kind;
            const SIZE: usize = size_of::<Self>();
            const COUNT: usize = 1;
            const OPTIONAL: bool = false;

            fn value(literal: Self) -> Value {
                literal.into()
            }

            #[inline]
            fn store(&self, bytes: &mut [u8]) -> bool {
                bytes.copy_from_slice(&self.to_ne_bytes());
                true
            }

            #[inline]
            fn load(bytes: &[u8], _is_known: bool) -> Self {
                let mut own = [0; size_of::<Self>()];
                own.copy_from_slice(bytes);
                Self::from_ne_bytes(own)
            }
        }
    )*};
}

number! {
    i8 I8, u8 U8, i16 I16, u16 U16, i32 I32, u32 U32, i64 I64, u64 U64, f32 F32, f64 F64,
}

impl Plain for bool {}
impl FieldValue for bool {
    type Literal = Self;
    type Limit = Unlimited;
    const KIND: Type = Type::Bool;
    const SIZE: usize = 1;
    const COUNT: usize = 1;
    const OPTIONAL: bool = false;

    fn value(literal: Self) -> Value {
        literal.into()
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) -> bool {
        bytes[0] = u8::from(*self);
        true
    }

    #[inline]
    fn load(bytes: &[u8], _is_known: bool) -> Self {
        bytes[0] != 0
    }
}

impl<const SIZE: usize> Plain for Text<SIZE> {}
impl<const SIZE: usize> FieldValue for Text<SIZE> {
    type Literal = &'static str;
    type Limit = Unlimited;
    const KIND: Type = Type::Text;
    const SIZE: usize = SIZE;
    const COUNT: usize = 1;
    const OPTIONAL: bool = false;

    fn value(literal: &'static str) -> Value {
        literal.into()
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) -> bool {
        bytes.copy_from_slice(self.bytes());
        true
    }

    #[inline]
    fn load(bytes: &[u8], _is_known: bool) -> Self {
        Self::load(bytes)
    }
}

impl<T: Plain, const COUNT: usize> Plain for [T; COUNT] {}
impl<T: Plain, const COUNT: usize> FieldValue for [T; COUNT] {
    type Literal = [T::Literal; COUNT];
    type Limit = T::Limit;
    const KIND: Type = T::KIND;
    const SIZE: usize = T::SIZE;
    const COUNT: usize = T::COUNT * COUNT;
    const OPTIONAL: bool = false;

    /// Of arrays in arrays, one list.
    fn value(literal: Self::Literal) -> Value {
        let elements = literal.into_iter().map(T::value);
        let flat = elements.flat_map(|element| match element {
            Value::List(elements) => elements,
            element => vec![element],
        });
        let mut flat: Vec<_> = flat.collect();
        // An array of one is a plain value to everybody else.
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            last => Value::List(flat.into_iter().chain(last).collect()),
        }
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) -> bool {
        for (element, bytes) in self.iter().zip(bytes.chunks_exact_mut(T::SIZE * T::COUNT)) {
            element.store(bytes);
        }
        true
    }

    #[inline]
    fn load(bytes: &[u8], is_known: bool) -> Self {
        let size = T::SIZE * T::COUNT;
        std::array::from_fn(|index| T::load(&bytes[index * size..][..size], is_known))
    }
}

impl<T: Plain> FieldValue for Option<T> {
    type Literal = T::Literal;
    type Limit = T::Limit;
    const KIND: Type = T::KIND;
    const SIZE: usize = T::SIZE;
    const COUNT: usize = T::COUNT;
    const OPTIONAL: bool = true;

    fn value(literal: Self::Literal) -> Value {
        T::value(literal)
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) -> bool {
        if let Some(value) = self {
            return value.store(bytes);
        }
        bytes.fill(0);
        false
    }

    #[inline]
    fn load(bytes: &[u8], is_known: bool) -> Self {
        is_known.then(|| T::load(bytes, true))
    }
}

/// Size, alignment and whether it is optional, of the fields of a record that is being derived.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of the whole field.
    pub size: usize,
    /// Of an element.
    pub alignment: usize,
    /// Whether it may be unknown.
    pub optional: bool,
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: FieldValue>() -> Self {
        let alignment = match T::KIND.element_size() {
            Some(size) => size as usize,
            None => 1,
        };
        assert!(T::SIZE > 0 && T::COUNT > 0, "a field has at least one byte");
        Self {
            size: T::SIZE * T::COUNT,
            alignment,
            optional: T::OPTIONAL,
        }
    }

    /// Where the fields stand: as [`crate::Schema`] lays them out.
    pub const fn offsets<const FIELDS: usize>(shapes: [Self; FIELDS]) -> [usize; FIELDS] {
        let mut offsets = [0; FIELDS];
        let (mut end, mut index) = (0_usize, 0);
        while index < FIELDS {
            offsets[index] = end.next_multiple_of(shapes[index].alignment);
            end = offsets[index] + shapes[index].size;
            index += 1;
        }
        offsets
    }

    /// Bytes of the whole record.
    pub const fn record_size<const FIELDS: usize>(shapes: [Self; FIELDS]) -> usize {
        assert!(FIELDS > 0, "a record has at least one field");
        let (mut alignment, mut index) = (1, 0);
        while index < FIELDS {
            if shapes[index].alignment > alignment {
                alignment = shapes[index].alignment;
            }
            index += 1;
        }
        let last = FIELDS - 1;
        let end = Self::offsets(shapes)[last] + shapes[last].size;
        end.next_multiple_of(alignment)
    }

    /// The bits of the optional fields in a stamp; 0 for those that are always known.
    pub const fn bits<const FIELDS: usize>(shapes: [Self; FIELDS]) -> [u64; FIELDS] {
        let mut bits = [0; FIELDS];
        let (mut count, mut index) = (0, 0);
        while index < FIELDS {
            if shapes[index].optional {
                assert!(count < 64, "at most 64 fields of a record are optional");
                bits[index] = 1 << count;
                count += 1;
            }
            index += 1;
        }
        bits
    }
}

/// The field of a type.
#[allow(clippy::cast_possible_truncation)] // the schema refuses what is too large
pub fn field<T: FieldValue>(name: &str) -> Field {
    Field {
        size: T::SIZE as u32,
        optional: T::OPTIONAL,
        ..Field::new(name, T::KIND).array(T::COUNT as u32)
    }
}
