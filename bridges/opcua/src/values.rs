//! Values of boards as those of OPC UA, and back.

use opcua::types::{Array, ByteString, UAString, Variant, VariantScalarTypeId};
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
    Some(match (kind, value) {
        (Type::Bool, Value::Bool(value)) => value.into(),
        (Type::F32, Value::F32(value)) => value.into(),
        (Type::F64, Value::Float(value)) => value.into(),
        (Type::Text | Type::Json, Value::Text(value)) => Variant::String(UAString::from(value)),
        (Type::Bytes, Value::Bytes(value)) => Variant::ByteString(ByteString::from(value)),
        (Type::I8, Value::Int(value)) => i8::try_from(value).ok()?.into(),
        (Type::I16, Value::Int(value)) => i16::try_from(value).ok()?.into(),
        (Type::I32, Value::Int(value)) => i32::try_from(value).ok()?.into(),
        (Type::I64, Value::Int(value)) => value.into(),
        (Type::U8, Value::UInt(value)) => u8::try_from(value).ok()?.into(),
        (Type::U16, Value::UInt(value)) => u16::try_from(value).ok()?.into(),
        (Type::U32, Value::UInt(value)) => u32::try_from(value).ok()?.into(),
        (Type::U64, Value::UInt(value)) => value.into(),
        _ => return None,
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
    Some(match (field.kind, variant) {
        (Type::Bool, Variant::Boolean(value)) => (*value).into(),
        (Type::I8, Variant::SByte(value)) => (*value).into(),
        (Type::U8, Variant::Byte(value)) => (*value).into(),
        (Type::I16, Variant::Int16(value)) => (*value).into(),
        (Type::U16, Variant::UInt16(value)) => (*value).into(),
        (Type::I32, Variant::Int32(value)) => (*value).into(),
        (Type::U32, Variant::UInt32(value)) => (*value).into(),
        (Type::I64, Variant::Int64(value)) => (*value).into(),
        (Type::U64, Variant::UInt64(value)) => (*value).into(),
        (Type::F32, Variant::Float(value)) => (*value).into(),
        (Type::F64, Variant::Double(value)) => (*value).into(),
        (Type::Text | Type::Json, Variant::String(text)) => text.as_ref().into(),
        (Type::Bytes, Variant::ByteString(bytes)) => {
            Value::Bytes(bytes.value.clone().unwrap_or_default())
        }
        _ => return None,
    })
}
