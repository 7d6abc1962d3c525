//! Records as Rust structs: the traits that `#[derive(pegel::Record)]` implements and uses.

use crate::schema::field::Field;
use crate::schema::text::Text;
use crate::schema::types::Type;
use crate::schema::value::Value;

/// A struct that can be the record of a board. Derive it.
///
/// ```
/// /// The values of a gauge.
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
/// Fields are `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64`, [`Text`], arrays of these, and
/// `Option` of any of them, for optional fields. `#[pegel(…)]` takes `unit`, `label`, `description`
/// (by default, the field's doc comment), `min`, `max` and `default`. The struct's doc comment
/// describes the board. The bytes are those of the same struct in C, also without `#[repr(C)]`.
pub trait Record: Sized {
    /// Bytes of a record.
    const SIZE: usize;
    /// The description of the board.
    const DESCRIPTION: &'static str;

    /// The fields, before they are laid out.
    fn fields() -> Vec<Field>;

    /// Writes the record into `SIZE` bytes, and returns the bits of the known optional fields. Does
    /// not change padding.
    fn encode(&self, bytes: &mut [u8]) -> u64;

    /// Reads a record from `SIZE` bytes.
    fn decode(bytes: &[u8], present: u64) -> Self;
}

/// The type of a field of a record.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a record",
    label = "not a field type",
    note = "a field can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE>, an array of \
            these, or an Option of any of them"
)]
pub trait FieldValue: Sized {
    /// The type of a default in the attribute.
    type Literal;
    /// The type of a limit in the attribute.
    type Limit: Into<Value>;

    /// The type of an element.
    const KIND: Type;
    /// Bytes of an element.
    const SIZE: usize;
    /// The number of elements.
    const COUNT: usize;
    /// Whether the field is optional.
    const OPTIONAL: bool;

    /// The value of a default.
    fn value(literal: Self::Literal) -> Value;

    /// Writes the value into its bytes, and returns whether it is known.
    fn store(&self, bytes: &mut [u8]) -> bool;

    /// Reads the value from its bytes, if it is known.
    fn load(bytes: &[u8], is_known: bool) -> Self;
}

/// The type of an element of an array, or of an `Option`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an array element or an optional value in a record",
    label = "not an element type",
    note = "an element can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE> or an array \
            of these; only a whole array can be optional"
)]
pub trait Plain: FieldValue {}

/// The limits of fields that cannot have any: no value.
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

    /// Flattens arrays of arrays.
    fn value(literal: Self::Literal) -> Value {
        let elements = literal.into_iter().map(T::value);
        let flat = elements.flat_map(|element| match element {
            Value::List(elements) => elements,
            element => vec![element],
        });
        let mut flat: Vec<_> = flat.collect();
        // To other languages, an array of one element is a plain value.
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

/// The layout of a field's type, for derived code.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of the whole field.
    pub size: usize,
    /// Alignment of an element.
    pub alignment: usize,
    /// Whether the field is optional.
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

    /// The offsets of the fields, as [`crate::Schema`] computes them.
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

    /// The bits of the fields in a stamp; 0 for those that are not optional.
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
