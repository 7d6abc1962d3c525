//! Values of boards as those of OPC UA, and back.

use opcua::types::{Array, ByteString, Variant, VariantScalarTypeId};
use pegel::{Field, Type, Value};

/// The type of a field's elements; the data type has the same number.
pub fn element_type(kind: Type) -> VariantScalarTypeId {
    match kind {
        Type::Bool => VariantScalarTypeId::Boolean,
        Type::I8 => VariantScalarTypeId::SByte,
        Type::U8 => VariantScalarTypeId::Byte,
        Type::I16 => VariantScalarTypeId::Int16,
        Type::U16 => VariantScalarTypeId::UInt16,
        Type::I32 => VariantScalarTypeId::Int32,
        Type::U32 => VariantScalarTypeId::UInt32,
        Type::I64 => VariantScalarTypeId::Int64,
        Type::U64 => VariantScalarTypeId::UInt64,
        Type::F32 => VariantScalarTypeId::Float,
        Type::F64 => VariantScalarTypeId::Double,
        Type::Text | Type::Json => VariantScalarTypeId::String,
        Type::Bytes => VariantScalarTypeId::ByteString,
    }
}

/// The most memory that a value of a field takes, in bytes.
pub fn memory(field: &Field) -> usize {
    let elements = usize::try_from(field.count).unwrap_or(usize::MAX);
    field.bytes_len() + elements.saturating_mul(size_of::<Variant>())
}

/// The value of a field as a client sees it; `None` if it is unknown.
pub fn variant(field: &Field, value: Value) -> Option<Variant> {
    match value {
        Value::List(values) => {
            let elements = values
                .into_iter()
                .map(|value| scalar(field.kind, value))
                .collect::<Option<Vec<_>>>()?;
            let array = Array::new(element_type(field.kind), elements).ok()?;
            Some(Variant::from(array))
        }
        value => scalar(field.kind, value),
    }
}

fn scalar(kind: Type, value: Value) -> Option<Variant> {
    macro_rules! integer {
        ($type:ty) => {
            <$type>::try_from(value.integer()?).ok()?.into()
        };
    }
    macro_rules! only {
        ($variant:ident) => {
            match value {
                Value::$variant(value) => value.into(),
                _ => return None,
            }
        };
    }
    Some(match kind {
        Type::Bool => only!(Bool),
        Type::I8 => integer!(i8),
        Type::U8 => integer!(u8),
        Type::I16 => integer!(i16),
        Type::U16 => integer!(u16),
        Type::I32 => integer!(i32),
        Type::U32 => integer!(u32),
        Type::I64 => integer!(i64),
        Type::U64 => integer!(u64),
        Type::F32 => only!(F32),
        Type::F64 => only!(Float),
        Type::Text | Type::Json => only!(Text),
        Type::Bytes => match value {
            Value::Bytes(bytes) => Variant::ByteString(ByteString::from(bytes)),
            _ => return None,
        },
    })
}

/// The value that a client wrote; `None` if the field has another type.
pub fn value(field: &Field, variant: &Variant) -> Option<Value> {
    match variant {
        Variant::Empty if field.optional => Some(Value::Null),
        Variant::Array(array) if field.count > 1 => {
            let elements = array.values.iter().map(|element| plain(field, element));
            elements.collect::<Option<_>>().map(Value::List)
        }
        // A client can write an array of bytes as a byte string (OPC 10000-4).
        Variant::ByteString(bytes) if field.count > 1 && field.kind == Type::U8 => {
            Some(Value::from(bytes.value.clone().unwrap_or_default()))
        }
        variant if field.count == 1 => plain(field, variant),
        _ => None,
    }
}

/// The elements of an array that a client wrote; `None` if the array has another type.
pub fn elements(field: &Field, variant: &Variant) -> Option<Vec<Value>> {
    match variant {
        Variant::Array(array) => {
            let elements = array.values.iter();
            elements.map(|element| plain(field, element)).collect()
        }
        Variant::ByteString(bytes) if field.kind == Type::U8 => {
            let bytes = bytes.value.as_deref().unwrap_or_default();
            Some(bytes.iter().map(|byte| Value::from(*byte)).collect())
        }
        one => plain(field, one).map(|value| vec![value]),
    }
}

fn plain(field: &Field, variant: &Variant) -> Option<Value> {
    macro_rules! only {
        ($variant:ident) => {
            match variant {
                Variant::$variant(value) => (*value).into(),
                _ => return None,
            }
        };
    }
    Some(match field.kind {
        Type::Bool => only!(Boolean),
        Type::I8 => only!(SByte),
        Type::U8 => only!(Byte),
        Type::I16 => only!(Int16),
        Type::U16 => only!(UInt16),
        Type::I32 => only!(Int32),
        Type::U32 => only!(UInt32),
        Type::I64 => only!(Int64),
        Type::U64 => only!(UInt64),
        Type::F32 => only!(Float),
        Type::F64 => only!(Double),
        Type::Text | Type::Json => match variant {
            Variant::String(text) => text.as_ref().into(),
            _ => return None,
        },
        Type::Bytes => match variant {
            Variant::ByteString(bytes) => Value::Bytes(bytes.value.clone().unwrap_or_default()),
            _ => return None,
        },
    })
}
